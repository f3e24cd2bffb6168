"""Rules from files, for commands that work once and end: no settings, no process of their own."""

from __future__ import annotations

from collections.abc import Sequence

from falcon_rules import bundle
from falcon_rules.cli import reading
from falcon_rules.loading import compilation
from falcon_sensor.app import compile, prepare, terminal


def compiled(paths: Sequence[str]) -> bundle.Bundle:
    """The active rules of the files, in order; says which of them never hold here. Raises prepare.Failed with the
    diagnostics, or with what this sensor could not fill."""
    files, problems = reading.read(paths)
    result = compilation.compile(files)
    errors = [each.render() for each in (*problems, *result.errors)] or list(compile.impossible(result))
    if errors:
        raise prepare.Failed("\n".join(errors), complete=True)
    if not result.bundle.rules:
        raise prepare.Failed(f"no rule is active in {', '.join(paths)}")
    terminal.warn(compile.unseen(result.bundle))
    return result.bundle

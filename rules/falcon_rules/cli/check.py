"""`falcon-rules check`: compile rule files and say what is wrong with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from falcon_rules import sensors
from falcon_rules.cli import reading, resources
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Diagnostic, Severity
from falcon_rules.lint import linting


def check(paths: Sequence[str], as_json: bool, out: TextIO, *, lint: bool = True) -> int:
    """Prints the findings and a summary; the exit code is 1 if there are errors, else 0. lint: look for what is legal
    and most likely not meant, too."""
    files, problems = reading.read(paths)
    result = resources.compile_files(files)
    found = (*problems, *result.diagnostics, *(linting.lint(result, sensors.installed()) if lint else ()))
    failed = any(each.is_error for each in found)
    if as_json:
        json.dump(_as_json(result, found, not failed), out, indent=2)
        out.write("\n")
    else:
        for each in found:
            out.write(each.render() + "\n\n")
        out.write(_summary(result, found, len(files)) + "\n")
        if lint and not linting.compared(result):
            out.write(f"more than {linting.MOST_COMPARED} rules: not looked for ones that others hide\n")
    return 1 if failed else 0


def _summary(result: compiled.Result, found: Sequence[Diagnostic], files: int) -> str:
    counts = Counter(each.severity for each in found)
    parts = [_count(files, "file"), f"{_count(len(result.rules), 'rule')} compiled"]
    inactive = len(result.rules) - len(result.bundle.rules)
    if inactive:
        parts.append(f"{inactive} of them disabled")
    parts += [_count(counts[severity], str(severity)) for severity in (Severity.ERROR, Severity.WARNING)]
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(result: compiled.Result, found: Sequence[Diagnostic], good: bool) -> dict[str, object]:
    rules = [
        {
            "name": rule.definition.name,
            "priority": rule.definition.priority.label,
            "enabled": rule.active,
            "event_types": None if rule.event_types is None else list(rule.event_types),
        }
        for rule in result.rules
    ]
    return {"ok": good, "rules": rules, "diagnostics": [each.to_json() for each in found]}

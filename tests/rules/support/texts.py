"""Rule files for tests, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from falcon_rules.compiler import compiled
from falcon_rules.loading import compilation
from falcon_rules.model import documents


def rule(name: str, condition: str, more: str = "", output: str = "o", priority: str = "WARNING") -> str:
    """One rule. more: further keys, as lines."""
    text = f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: {output!r}\n  priority: {priority}\n"
    return text + (textwrap.indent(textwrap.dedent(more).rstrip("\n"), "  ") + "\n" if more else "")


def compile_texts(*texts: str) -> compiled.Result:
    """Files called 1.yaml, 2.yaml, ..., which must have no errors."""
    files: Sequence[documents.Document] = [
        documents.Document(f"{number}.yaml", text) for number, text in enumerate(texts, 1)
    ]
    result = compilation.compile(files)
    assert not result.errors, [each.render() for each in result.errors]
    return result

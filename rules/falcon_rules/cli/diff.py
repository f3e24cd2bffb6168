"""`falcon-rules diff`: which rules mean something else, whatever the text around them has become.

Rules are compared after everything was put in: a rule whose own text is untouched has changed if a
macro or list that it uses has, and one that was merely reordered or renamed its macros has not.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from falcon_rules import typed
from falcon_rules.cli import failures, prose, reading, resources
from falcon_rules.compiler import compiled
from falcon_rules.syntax import parser, printing

SAME, DIFFERENT, TROUBLE = 0, 1, 2
"""Exit codes, as of diff(1)."""


@dataclass(frozen=True, slots=True)
class Change:
    """what: ``added``, ``removed`` or ``changed``. parts: what differs, with its old and its new value as text."""

    what: str
    rule: str
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)


def diff(old: str, new: str, as_json: bool, out: TextIO) -> int:
    """Prints what changes from the rules of one path to those of another; the exit code is that of diff(1)."""
    before, after = _compiled(old), _compiled(new)
    changes = list(_changes(before, after))
    if as_json:
        json.dump([_json(each) for each in changes], out, indent=2)
        out.write("\n")
    else:
        for each in changes:
            out.write(_text(each))
        out.write(_summary(changes, len(after)))
    return DIFFERENT if changes else SAME


def _compiled(path: str) -> dict[str, compiled.CompiledRule]:
    files, problems = reading.read([path])
    result = resources.compile_files(files)
    errors = [each for each in (*problems, *result.diagnostics) if each.is_error]
    if errors:
        shown = "\n".join(each.render() for each in errors)
        raise failures.Failure(
            f"the rules of {path} have errors, so there is no telling what they mean\n{shown}", TROUBLE
        )
    return {rule.definition.name: rule for rule in result.rules}


def _changes(before: dict[str, compiled.CompiledRule], after: dict[str, compiled.CompiledRule]) -> Iterator[Change]:
    """In the new order, what was removed at the end."""
    for name, rule in after.items():
        if name not in before:
            yield Change("added", name)
        elif parts := _parts(before[name], rule):
            yield Change("changed", name, parts)
    for name in before:
        if name not in after:
            yield Change("removed", name)
    old, new = ([name for name in one if name in other] for one, other in ((before, after), (after, before)))
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in old[block.a : block.a + block.size]}
    for name in new:
        if name not in kept:
            yield Change("moved", name, {"order": (str(old.index(name) + 1), str(new.index(name) + 1))})


def _parts(old: compiled.CompiledRule, new: compiled.CompiledRule) -> dict[str, tuple[str, str]]:
    found = {}
    if shape(old.condition) != shape(new.condition):
        found["condition"] = (printing.text(old.tree), printing.text(new.tree))
    texts = {
        "output": (old.output_text, new.output_text),
        "priority": (old.definition.priority.label, new.definition.priority.label),
        "tags": (_sorted(old.definition.tags), _sorted(new.definition.tags)),
        "enabled": (str(old.active).lower(), str(new.active).lower()),
        "source": (old.definition.source, new.definition.source),
        "events": (_events(old), _events(new)),
    }
    return found | {name: sides for name, sides in texts.items() if sides[0] != sides[1]}


def _sorted(texts: frozenset[str]) -> str:
    return ", ".join(sorted(texts))


def _events(rule: compiled.CompiledRule) -> str:
    return "any" if rule.event_types is None else ", ".join(rule.event_types)


def shape(condition: typed.Condition) -> object:
    """Equal for conditions that differ only in order: of the parts of an `and` or `or`, or of a list's literals."""
    shapes: dict[int, object] = {}
    for part in typed.postorder(condition):
        match part:
            case typed.All(children=children) | typed.Some(children=children):
                shapes[id(part)] = (type(part).__name__, frozenset(shapes[id(child)] for child in children))
            case typed.Negation(child=child):
                shapes[id(part)] = ("not", shapes[id(child)])
            case typed.Comparison(op=op, left=left, right=right, modifier=modifier):
                values: object = frozenset(right) if isinstance(right, tuple) else right
                one = op == "in" and isinstance(right, tuple) and len(right) == 1 and modifier is None
                shapes[id(part)] = ("=" if one else op, left, values, modifier)
            case _:
                shapes[id(part)] = part
    return shapes[id(condition)]


def _text(change: Change) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}[change.what]
    lines = [f"{sign} {change.rule}: {change.what}"]
    for name, (old, new) in change.parts.items():
        if name == "order":
            lines[0] += f" from place {old} to place {new} (where only the first rule that holds alerts, order counts)"
        elif name == "condition":
            lines += ["    condition:", *_hunks(old, new)]
        else:
            lines += [f"    {name}:", f"      - {old}", f"      + {new}"]
    return "\n".join(lines) + "\n\n"


def _hunks(old: str, new: str) -> Iterator[str]:
    """Lines of the laid-out conditions that differ, with one around them."""
    before, after = (prose.condition(parser.parse(text), 0).splitlines() for text in (old, new))
    for line in difflib.unified_diff(before, after, n=1, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield f"      {line[0]} {line[1:]}"


def _summary(changes: Sequence[Change], rules: int) -> str:
    counts = [
        f"{number} {what}"
        for what in ("added", "removed", "changed", "moved")
        if (number := sum(each.what == what for each in changes))
    ]
    return f"{rules} rules, {', '.join(counts) or 'all mean the same'}\n"


def _json(change: Change) -> dict[str, Any]:
    parts = {name: {"old": old, "new": new} for name, (old, new) in change.parts.items()}
    return {"rule": change.rule, "what": change.what, "parts": parts}

"""The door of this package: warnings about everything that was compiled together.

A finding that is known and meant is silenced by a comment with a reason, on the same line or
right above, which Falco passes over as any comment:

    # falcon-lint: allow FALCON_BYPASSABLE_EXCEPTION, only root may start programs here
    - name: programs
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from falcon_rules import sensors, typed
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.lint import bypasses, conditions, implication
from falcon_rules.model import definitions, documents
from falcon_rules.syntax import typed_text

MOST_COMPARED = 1000
"""Rules that are compared with each other: of 1,000 there are half a million pairs, which takes seconds."""
_SHOWN = 3
_FREQUENT = frozenset(
    {
        *("open", "openat", "openat2", "creat", "read", "write", "close", "fcntl", "dup", "dup2", "dup3"),
        *("connect", "accept", "accept4", "sendto", "sendmsg", "recvfrom", "recvmsg"),
        *("clone", "clone3", "fork", "vfork"),
    }
)
"""Event types of which a busy machine has thousands a second. Starts of programs are shipped in any case."""
_ALLOW = re.compile(r"#\s*falcon-lint:\s*allow\s+(?P<codes>[A-Z_]+(?:\s*,\s*[A-Z_]{8,})*)\s*[,:;-]?\s+(?P<reason>\S.*)")


def lint(result: compiled.Result, sensor: sensors.Sensor | None = None) -> list[Diagnostic]:
    """Warnings, in the order of the rules. sensor: tells what its kernel side can decide; None leaves that out."""
    active = [rule for rule in result.rules if rule.active]
    flooding = _flooding(active, sensor)
    hidden = _hidden(active)
    found: list[Diagnostic] = []
    for rule in result.rules:
        found += _about(rule, hidden, flooding)
    comments = _Comments(result.rules)
    return [each for each in found if not comments.allow(each)]


def _about(
    rule: compiled.CompiledRule, hidden: Mapping[str, str], flooding: Mapping[str, Sequence[str]]
) -> Iterator[Diagnostic]:
    definition = rule.definition
    constant = conditions.constant(rule.condition, rule.event_types)
    if constant is not None:
        yield _warning(rule, Code.CONSTANT_CONDITION, constant, definition.entry.place("condition"))
        return
    for field, value in conditions.rooted(rule.condition):
        message = f"{field} contains {value!r} also holds where that stands in the middle of a longer path"
        place = definition.entry.place("condition")
        yield _warning(rule, Code.LIKELY_PREFIX, message, place, f"{field} startswith {value}")
    for exception, reason in bypasses.bypassable(definition):
        message = f"anybody can have the exception {exception.name!r}: {reason}; {bypasses.ADVICE}"
        yield _warning(rule, Code.BYPASSABLE_EXCEPTION, message, _place_of(exception))
    if definition.name in hidden:
        message = (
            f"where only the first rule that holds alerts (the default), this one never does: "
            f"{hidden[definition.name]!r} comes before it and holds for all of its events"
        )
        yield _warning(rule, Code.SHADOWED, message, definition.place())
    if definition.name in flooding:
        yield _warning(rule, Code.SHIPS_EVERY_EVENT, _cost(rule, flooding[definition.name]), definition.place())


def compared(result: compiled.Result) -> bool:
    """Whether shadowed rules were looked for: there may be too many rules for it."""
    return sum(rule.active for rule in result.rules) <= MOST_COMPARED


def _hidden(rules: Sequence[compiled.CompiledRule]) -> dict[str, str]:
    """Rules that never alert, each with the first rule that hides it."""
    found: dict[str, str] = {}
    if len(rules) > MOST_COMPARED:
        return found
    listed = [(rule.to_bundle(), _tested(rule.condition), frozenset(_mentioned(rule.condition))) for rule in rules]
    for number, (narrow, _, mentioned) in enumerate(listed):
        for wide, tested, _ in listed[:number]:
            # What the wider rule insists on, the narrower one must at least mention.
            if tested <= mentioned and implication.covers(wide, narrow):
                found[narrow.name] = wide.name
                break
    return found


def _tested(condition: typed.Condition) -> frozenset[str]:
    parts = condition.children if isinstance(condition, typed.All) else (condition,)
    plain = (part for part in parts if isinstance(part, typed.Comparison) and isinstance(part.left, typed.FieldRef))
    return frozenset(part.left.name for part in plain if isinstance(part.left, typed.FieldRef))


def _mentioned(condition: typed.Condition) -> Iterator[str]:
    return (field.name for field in typed.fields_of(condition))


def _flooding(rules: Iterable[compiled.CompiledRule], sensor: sensors.Sensor | None) -> dict[str, list[str]]:
    """By rule, the frequent event types that it forces to user space."""
    found: dict[str, list[str]] = {}
    if sensor is not None:
        for event, names in sensor.floods([rule.to_bundle() for rule in rules]).items():
            for name in names if event in _FREQUENT else ():
                found.setdefault(name, []).append(event)
    return found


def _cost(rule: compiled.CompiledRule, events: Sequence[str]) -> str:
    unknown = [
        typed_text.comparison(part)
        for part in typed.postorder(rule.condition)
        if isinstance(part, typed.Comparison) and typed_text.operand(part.left) != "evt.type"
    ]
    shown = f" ({'; '.join(unknown[:_SHOWN])}{'; ...' if len(unknown) > _SHOWN else ''})" if unknown else ""
    return (
        f"every {', '.join(sorted(events))} of the machine goes to user space for this rule, because the kernel can "
        f"refuse hardly any of them by its condition{shown}. Each costs tens of microseconds of one core, and a "
        "flood of them fills the ring, so that events are lost. Add a part that the kernel decides: a path "
        "(fd.name startswith ...), flags (evt.is_open_write=true), proc.name, container.id != host; "
        "`falcon-rules explain` shows which are"
    )


def _place_of(exception: definitions.ExceptionDefinition) -> Place:
    listed = exception.entry.data.get("exceptions") or ()
    for index, each in enumerate(listed):
        if isinstance(each, dict) and each.get("name") == exception.name:
            return exception.entry.place("exceptions", index, "name")
    return exception.entry.place("exceptions")


def _warning(
    rule: compiled.CompiledRule, code: Code, message: str, place: Place, suggestion: str | None = None
) -> Diagnostic:
    return rule.definition.entry.finding(Severity.WARNING, code, message, place, suggestion)


class _Comments:
    """Which findings comments say are meant."""

    def __init__(self, rules: Iterable[compiled.CompiledRule]) -> None:
        documents = {id(each): each for rule in rules for each in _documents(rule.definition)}
        self._lines = {each.name: each.text.split("\n") for each in documents.values() if "falcon-lint" in each.text}

    def allow(self, found: Diagnostic) -> bool:
        """Whether a comment at the finding's place says that it is meant, and why."""
        lines = self._lines.get(found.place.file, [])
        at = found.place.line - 1
        if at >= len(lines):
            return False
        near = [lines[at]]
        for line in reversed(lines[:at]):
            if not line.lstrip().startswith("#"):
                break
            near.append(line)
        return any(match and str(found.code) in match["codes"] for match in map(_ALLOW.search, near))


def _documents(definition: definitions.RuleDefinition) -> Iterator[documents.Document]:
    yield definition.entry.document
    for exception in definition.exceptions:
        yield exception.entry.document

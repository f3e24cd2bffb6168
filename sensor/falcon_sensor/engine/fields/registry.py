"""From a field's name to what extracts it: the resolver that rules are compiled with."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from falcon_rules import bundle, typed
from falcon_rules.fields import table
from falcon_sensor.engine.fields import (
    ancestors,
    arguments,
    container,
    evt,
    fd,
    kinds,
    proc,
    sockets,
    targets,
    times,
    user,
)

_MODULES = (evt, times, arguments, proc, ancestors, user, fd, targets, sockets, container)

PLAIN: dict[str, kinds.Extractor] = {}
WITH_ARGUMENT: dict[str, kinds.Maker] = {}
MISSING: dict[str, str] = {}
for _module in _MODULES:
    PLAIN.update(getattr(_module, "PLAIN", {}))
    WITH_ARGUMENT.update(getattr(_module, "WITH_ARGUMENT", {}))
    MISSING.update(getattr(_module, "MISSING", {}))

RESULT_FIELDS = frozenset({"evt.res", "evt.failed", "evt.rawres", "evt.count.error", "evt.count.error.other"})
RESULT_ARGUMENTS = frozenset({"res", "0"})
"""What tests a call's result, as a field or as the argument of `evt.arg` and `evt.rawarg`."""


@functools.cache
def resolver(field: typed.FieldRef) -> kinds.Extractor:
    """The extractor of a field; one that never has a value for fields in `MISSING`. Raises KeyError for no field."""
    if field.name in WITH_ARGUMENT:
        return WITH_ARGUMENT[field.name](field.argument)
    if field.name in MISSING:
        return kinds.never
    return PLAIN[field.name]


def supported() -> frozenset[str]:
    """Names of all fields that this sensor can fill."""
    return frozenset(PLAIN) | frozenset(WITH_ARGUMENT)


def reason(field: typed.FieldRef) -> str | None:
    """Why this sensor can't fill the field; None if it can."""
    if field.name in ("evt.arg", "evt.rawarg"):
        return arguments.reason(field.argument)
    if field.name in supported():
        return None
    return MISSING.get(field.name, "this version does not know it")


def unsupported(rules: bundle.Bundle) -> list[tuple[str, str, str]]:
    """(rule, field as written, reason) for every field of a rule's condition or output that can't be filled."""
    found = []
    for rule in rules.rules:
        seen = dict.fromkeys((*fields_of(rule.condition), *output_fields(rule.output)))
        found += [(rule.name, written(field), why) for field in seen if (why := reason(field)) is not None]
    return found


def written(field: typed.FieldRef) -> str:
    """As a rule writes it: `proc.aname[2]`, `evt.arg.flags`."""
    return table.written(field.name, field.argument)


def fields_of(condition: typed.Condition) -> Iterator[typed.FieldRef]:
    """Every field in a condition, repeats included."""
    return typed.fields_of(condition)


def output_fields(output: bundle.Output) -> Iterator[typed.FieldRef]:
    for piece in output.pieces:
        if isinstance(piece, bundle.Placeholder):
            yield from typed.fields_in(piece.operand)


def tests_result(condition: typed.Condition) -> bool:
    """Whether the condition looks at how the call ended."""
    return any(
        field.name in RESULT_FIELDS or (field.name in ("evt.arg", "evt.rawarg") and field.argument in RESULT_ARGUMENTS)
        for field in fields_of(condition)
    )


def depends_on_name(condition: typed.Condition) -> bool:
    """Whether the condition could come out differently under an opened file's other name."""
    return any(field.name in fd.BY_PATH for field in fields_of(condition))

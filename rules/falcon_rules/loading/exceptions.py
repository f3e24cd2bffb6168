"""A rule's exceptions: their shape, and adding to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from falcon_rules import tree
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.fields import table
from falcon_rules.model import documents, items, nodes, reading
from falcon_rules.model.definitions import ExceptionDefinition, ExceptionValue
from falcon_rules.syntax import errors, operators, parser, walking


def define(
    entry: reading.Entry, models: Sequence[items.ExceptionItem], known_source: bool, found: list[Diagnostic]
) -> list[ExceptionDefinition]:
    """The exceptions of a whole rule, or of one whose exceptions are replaced. Raises Refusal."""
    _warn_of_repeated_names(entry, models, found)
    return [_new(entry, index, model, known_source) for index, model in enumerate(models)]


def add(
    entry: reading.Entry,
    existing: list[ExceptionDefinition],
    models: Sequence[items.ExceptionItem],
    known_source: bool,
    found: list[Diagnostic],
) -> list[ExceptionDefinition]:
    """The existing exceptions with values added, and new ones behind them. Raises Refusal."""
    _warn_of_repeated_names(entry, models, found)
    result = list(existing)
    for index, model in enumerate(models):
        place = entry.place("exceptions", index)
        if model.values is None:
            message = f"the exception {model.name!r} adds no values"
            found.append(entry.finding(Severity.WARNING, Code.APPEND_NO_VALUES, message, place))
        position = next((i for i, each in enumerate(result) if each.name == model.name), None)
        if position is not None:
            result[position] = _extended(entry, index, result[position], model)
            continue
        for key in ("fields", "values"):
            if not getattr(model, key):
                message = f"the exception {model.name!r} is new to this rule, so it needs {key!r}"
                entry.refuse(Code.ERR_VALIDATE, message, place)
        result.append(_new(entry, index, model, known_source))
    return result


def _warn_of_repeated_names(
    entry: reading.Entry, models: Sequence[items.ExceptionItem], found: list[Diagnostic]
) -> None:
    seen: set[str] = set()
    for index, model in enumerate(models):
        if model.name in seen:
            place = entry.place("exceptions", index, "name")
            message = f"two exceptions are called {model.name!r}"
            found.append(entry.finding(Severity.WARNING, Code.EXCEPTION_NAME_NOT_UNIQUE, message, place))
        seen.add(model.name)


def _extended(
    entry: reading.Entry, index: int, existing: ExceptionDefinition, model: items.ExceptionItem
) -> ExceptionDefinition:
    for key in ("fields", "comps"):
        if getattr(model, key):
            message = f"the exception {model.name!r} exists already: only 'values' can be added to it, not {key!r}"
            entry.refuse(Code.ERR_VALIDATE, message, entry.place("exceptions", index, key))
    values = [*existing.values, *_values(entry, index)]
    return ExceptionDefinition(existing.name, existing.single, existing.fields, existing.comps, existing.entry, values)


def _new(entry: reading.Entry, index: int, model: items.ExceptionItem, known_source: bool) -> ExceptionDefinition:
    if not model.fields:
        message = f"the exception {model.name!r} names no fields"
        entry.refuse(Code.ERR_VALIDATE, message, entry.place("exceptions", index))
    single = isinstance(model.fields, str)
    fields = _texts(entry, index, "fields", model.fields)
    comps = _comps(entry, index, model, single, len(fields))
    if known_source:
        for position, field in enumerate(fields):
            _check_field(entry, field, entry.place("exceptions", index, "fields", position))
    return ExceptionDefinition(model.name, single, fields, comps, entry, _values(entry, index))


def _texts(entry: reading.Entry, index: int, key: str, value: Any) -> tuple[documents.Text, ...]:
    if isinstance(value, str):
        return (entry.text("exceptions", index, key),)
    return tuple(entry.text("exceptions", index, key, i) for i in range(len(value or ())))


def _comps(entry: reading.Entry, index: int, model: items.ExceptionItem, single: bool, count: int) -> tuple[str, ...]:
    place = entry.place("exceptions", index, "comps")
    name = model.name
    if not model.comps:
        return ("in",) if single else ("=",) * count
    comps = (model.comps,) if isinstance(model.comps, str) else model.comps
    comps = tuple(comp.strip(" \t\n\r\b") for comp in comps)
    if single != isinstance(model.comps, str):
        message = f"'fields' and 'comps' of the exception {name!r} must both be texts or both be lists"
        entry.refuse(Code.ERR_VALIDATE, message, place)
    if len(comps) != count:
        message = f"the exception {name!r} has {count} fields but {len(comps)} comps; there must be one for each"
        entry.refuse(Code.ERR_VALIDATE, message, place)
    for comp in comps:
        if comp not in operators.ALL:
            entry.refuse(Code.ERR_VALIDATE, f"{comp!r} in the exception {name!r} is no operator", place)
    if single and comps[0] not in operators.LISTED:
        message = f"with a single field, 'comps' must be an operator that takes a list, such as in, not {comps[0]!r}"
        entry.refuse(Code.ERR_VALIDATE, message, place)
    return comps


def _check_field(entry: reading.Entry, text: documents.Text, place: Any) -> None:
    """A field, or a transformer of fields, that exists."""
    try:
        check = parser.parse(f"{text} exists")
        if not isinstance(check, tree.Check):
            raise table.UnknownField(f"{text.string!r} is not a field")
        for field in walking.fields(check.left):
            table.lookup(field.name, field.argument)
    except errors.ConditionSyntaxError:
        entry.refuse(Code.ERR_VALIDATE, f"{text.string!r} is not a field", place, table.suggest(text.string))
    except table.UnknownField as error:
        entry.refuse(Code.ERR_VALIDATE, str(error), place, error.suggestion)


def _values(entry: reading.Entry, index: int) -> list[ExceptionValue]:
    node = entry.origin("exceptions", index, "values")
    return [_value(item) for item in node.items] if isinstance(node, nodes.Sequence) else []


def _value(node: nodes.Node) -> ExceptionValue:
    if isinstance(node, nodes.Sequence):
        return ExceptionValue(None, tuple(map(_value, node.items)), node)
    assert isinstance(node, nodes.Scalar)
    return ExceptionValue(documents.Text.of(node.text, node), (), node)

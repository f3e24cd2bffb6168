"""Exceptions become part of the condition's text: `(condition) and not (...) and not (...)`.

They are text rather than trees because their values may name lists, which are text.
"""

from __future__ import annotations

from collections.abc import Iterable

from falcon_rules.diagnostics import Code
from falcon_rules.model.definitions import ExceptionDefinition, ExceptionValue, RuleDefinition
from falcon_rules.model.documents import Piece, Text
from falcon_rules.syntax import operators


def around(rule: RuleDefinition) -> Text:
    """The rule's condition with its exceptions. Raises Refusal when values don't fit the fields."""
    if not rule.exceptions:
        return rule.condition
    pieces = [Piece("("), *rule.condition.pieces, Piece(")")]
    for each in rule.exceptions:
        if each.values:
            pieces += [Piece(" and not ("), *(_single(each) if each.single else _rows(each)), Piece(")")]
    return Text(pieces)


def field_names(rule: RuleDefinition) -> list[str]:
    """The fields, as written, of exceptions that have values."""
    return sorted({field.string for each in rule.exceptions if each.values for field in each.fields})


def _single(exception: ExceptionDefinition) -> list[Piece]:
    """`field op (v1, v2, ...)`."""
    for value in exception.values:
        if value.is_list:
            message = f"the exception {exception.name!r} has a single field, so its values must be texts, not lists"
            exception.entry.refuse(Code.ERR_VALIDATE, message, value.origin.place())
    return [*exception.fields[0].pieces, Piece(f" {exception.comps[0]} "), *_list(exception, exception.values)]


def _rows(exception: ExceptionDefinition) -> list[Piece]:
    """`(f1 op1 v1 and f2 op2 v2) or (...)`."""
    rows = []
    for row in exception.values:
        if not row.is_list or len(row.items) != len(exception.fields):
            count = len(exception.fields)
            message = f"each value of the exception {exception.name!r} must be a list of {count}, one for each field"
            exception.entry.refuse(Code.ERR_VALIDATE, message, row.origin.place())
        checks = [
            [*field.pieces, Piece(f" {comp} "), *_right(exception, comp, value)]
            for field, comp, value in zip(exception.fields, exception.comps, row.items, strict=True)
        ]
        rows.append([Piece("("), *_joined(checks, " and "), Piece(")")])
    return _joined(rows, " or ")


def _right(exception: ExceptionDefinition, comp: str, value: ExceptionValue) -> list[Piece]:
    if value.text is None:
        return _list(exception, value.items)
    if comp not in operators.LISTED:
        return _quoted(value.text)
    if value.text.string.startswith("("):
        return list(value.text.pieces)
    return [Piece("("), *value.text.pieces, Piece(")")]


def _list(exception: ExceptionDefinition, values: Iterable[ExceptionValue]) -> list[Piece]:
    items = []
    for value in values:
        if value.text is None:
            message = f"a list among the values of the exception {exception.name!r} holds another list"
            exception.entry.refuse(Code.ERR_VALIDATE, message, value.origin.place())
        items.append(_quoted(value.text))
    return [Piece("("), *_joined(items, ", "), Piece(")")]


def _quoted(text: Text) -> list[Piece]:
    if " " in text.string and text.string[0] not in "\"'":
        return [Piece('"'), *text.pieces, Piece('"')]
    return list(text.pieces)


def _joined(parts: Iterable[list[Piece]], between: str) -> list[Piece]:
    result: list[Piece] = []
    for part in parts:
        if result:
            result.append(Piece(between))
        result += part
    return result

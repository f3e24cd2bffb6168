"""Values as outputs show them: as text inside a line, and as JSON in `output_fields`.

`Show` is chosen once per field when an output is compiled; values are what extractors give.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from falcon_rules import typed
from falcon_rules.fields import table

Show: TypeAlias = Callable[[Any], bytes]
"""An available value as text."""

Plain: TypeAlias = Callable[[Any], Any]
"""An available value for JSON."""

UNAVAILABLE: Final = b"<NA>"
_PRINTABLE: Final = bytes(byte if 32 <= byte < 127 else ord(".") for byte in range(256))


def show(operand: typed.FieldRef | typed.Transform) -> Show:
    """How the values of an operand are printed."""
    one = _show_one(operand)
    if _is_ancestors(operand):
        return lambda values: b" ".join(one(value) for value in values) if values else UNAVAILABLE
    if operand.many:
        return lambda values: b"(" + b",".join(one(value) for value in values) + b")"
    return one


def plain(operand: typed.FieldRef | typed.Transform) -> Plain:
    """How the values of an operand stand in JSON."""
    if _is_ancestors(operand):
        text = show(operand)
        return lambda values: _text(text(values)) if values else None
    one = _plain_one(operand)
    if operand.many:
        # An empty list is null, as in Falco.
        return lambda values: [one(value) for value in values] or None
    return one


def _is_ancestors(operand: typed.FieldRef | typed.Transform) -> bool:
    return isinstance(operand, typed.FieldRef) and table.any_of(operand.name, operand.argument) is table.AnyOf.ANCESTORS


def _show_one(operand: typed.FieldRef | typed.Transform) -> Show:
    match operand.kind:
        case typed.Kind.TEXT:
            return _same
        case typed.Kind.BYTES:
            return lambda value: bytes(value).translate(_PRINTABLE)
        case typed.Kind.BOOL:
            return lambda value: b"true" if value else b"false"
        case typed.Kind.ADDRESS | typed.Kind.NETWORK:
            return lambda value: _address(value).encode("ascii")
        case typed.Kind.NUMBER:
            return _show_number(operand)


def _show_number(operand: typed.FieldRef | typed.Transform) -> Show:
    field = table.fields().get(operand.name) if isinstance(operand, typed.FieldRef) else None
    if field is None:
        return _decimal
    if field.type is table.Type.DOUBLE:
        return lambda value: b"%.1f" % value
    if field.print is table.Print.HEX:
        return lambda value: b"%X" % value
    if field.print is table.Print.NINE_DIGITS:
        return lambda value: b"%09d" % value
    return _decimal


def _decimal(value: int | float) -> bytes:
    return b"%.1f" % value if isinstance(value, float) else b"%d" % value


def _plain_one(operand: typed.FieldRef | typed.Transform) -> Plain:
    match operand.kind:
        case typed.Kind.TEXT:
            return _text
        case typed.Kind.BYTES:
            text = _show_one(operand)
            return lambda value: _text(text(value))
        case typed.Kind.ADDRESS | typed.Kind.NETWORK:
            return _address
        case typed.Kind.BOOL | typed.Kind.NUMBER:
            return _same


def _same(value: Any) -> Any:
    return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _address(value: bytes) -> str:
    return str(ipaddress.ip_address(value))


def fields_in(operand: typed.Operand) -> list[typed.FieldRef]:
    """The fields an operand reads, as often as it does."""
    match operand:
        case typed.FieldRef():
            return [operand]
        case typed.Transform(arguments=parts) | typed.ListOf(items=parts):
            return [field for part in parts for field in fields_in(part)]
        case _:
            return []


def written(field: typed.FieldRef) -> str:
    """A field's key in `output_fields` where the rule has it inside a call only."""
    return table.written(field.name, field.argument)

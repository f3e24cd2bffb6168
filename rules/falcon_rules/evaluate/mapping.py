"""Events written down as mappings of field names to plain values, as tests of rules have them.

`{"evt.type": "openat", "proc.aname[1]": "bash", "fd.cip": "10.0.0.1"}`: text is a string (or
`{"hex": "61ff"}` for bytes that are not UTF-8), addresses are strings, list fields are lists, a
missing field is unavailable. What follows from other fields is derived: either-end fields from
client and server, index-less ancestors from the numbered ones, forms of the time from
`evt.rawtime`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from falcon_rules import times, typed
from falcon_rules.fields import table

Event: TypeAlias = Mapping[str, Any]
_Get: TypeAlias = Callable[[Event], Any]

_NS: Final = 1_000_000_000
_ENDS: Final = {
    "fd.ip": ("fd.cip", "fd.sip"),
    "fd.net": ("fd.cip", "fd.sip"),
    "fd.port": ("fd.cport", "fd.sport"),
    "fd.proto": ("fd.cport", "fd.sport"),
}
_NETWORKS: Final = {"fd.cnet": "fd.cip", "fd.snet": "fd.sip", "fd.lnet": "fd.lip", "fd.rnet": "fd.rip"}


class BadValue(ValueError):
    """A value that the field cannot have; the message names the field."""


def resolver(field: typed.FieldRef) -> _Get:
    """The extractor of a field for events that are mappings; it raises BadValue."""
    any_of = table.any_of(field.name, field.argument)
    if any_of is table.AnyOf.ENDS:
        return _ends(field)
    if any_of is table.AnyOf.ANCESTORS:
        return _ancestors(field)
    written = _plain(field, table.written(field.name, field.argument))
    derived = _derived(field)
    if derived is None:
        return written

    def either(event: Event) -> Any:
        value = written(event)
        return derived(event) if value is None else value

    return either


def _plain(field: typed.FieldRef, key: str) -> _Get:
    kind, many = field.kind, field.many

    def get(event: Event) -> Any:
        value = event.get(key)
        if value is None:
            return None
        if not many:
            return _convert(value, kind, key)
        if not isinstance(value, list | tuple):
            raise BadValue(f"{key}: a list is expected, not {value!r}")
        return tuple(_convert(item, kind, key) for item in value)

    return get


def _convert(value: Any, kind: typed.Kind, key: str) -> Any:
    try:
        return _CONVERSIONS[kind](value)
    except (ValueError, TypeError, OSError, KeyError, AttributeError):
        raise BadValue(f"{key}: {value!r} is no value of kind {kind}") from None


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value).encode("utf-8", "surrogateescape")


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _address(value: Any) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)


_CONVERSIONS: Final[Mapping[typed.Kind, Callable[[Any], Any]]] = {
    typed.Kind.TEXT: _text,
    typed.Kind.BYTES: _text,
    typed.Kind.NUMBER: _number,
    typed.Kind.BOOL: _bool,
    typed.Kind.ADDRESS: _address,
    typed.Kind.NETWORK: _address,
}


def _ends(field: typed.FieldRef) -> _Get:
    kind = field.kind
    gets = [_plain(typed.FieldRef(name, None, kind), name) for name in _ENDS[field.name]]
    own = _plain(typed.FieldRef(field.name, None, kind), field.name)

    def get(event: Event) -> tuple[Any, ...] | None:
        candidates = tuple(value for value in (one(event) for one in (own, *gets)) if value is not None)
        return candidates or None

    return get


def _ancestors(field: typed.FieldRef) -> _Get:
    name, kind = field.name, field.kind

    def get(event: Event) -> tuple[Any, ...] | None:
        found = []
        number = 1
        while (value := event.get(f"{name}[{number}]")) is not None:
            found.append(_convert(value, kind, name))
            number += 1
        return tuple(found) or None

    return get


def _derived(field: typed.FieldRef) -> _Get | None:
    name = field.name
    if name in _NETWORKS:
        return _plain(typed.FieldRef(_NETWORKS[name], None, field.kind), _NETWORKS[name])
    if name in times.TEXT_FIELDS:
        text_of = times.TEXT_FIELDS[name]
        return _from_time(lambda ns: text_of(ns).encode())
    if name == "evt.rawtime.s":
        return _from_time(lambda ns: ns // _NS)
    if name == "evt.rawtime.ns":
        return _from_time(lambda ns: ns % _NS)
    if name == "proc.pid":
        return _plain(field, "proc.apid[0]")
    if name == "evt.num":
        return lambda event: 1
    if name == "evt.type.is":
        wanted = field.argument
        return lambda event: None if event.get("evt.type") is None else int(event["evt.type"] == wanted)
    return None


def _from_time(make: Callable[[int], Any]) -> _Get:
    return lambda event: None if event.get("evt.rawtime") is None else make(event["evt.rawtime"])

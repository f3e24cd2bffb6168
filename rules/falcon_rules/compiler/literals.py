"""Literals of conditions: text to values of the type of the field they are compared with.

Everything here happens when a rule is compiled, so that a value that can never be right is an
error with a place, not a comparison that is silently false.
"""

from __future__ import annotations

import re
import socket
from typing import Final

from falcon_rules import operands, typed
from falcon_rules.fields import services, table

MAX_BYTES: Final = 255
"""Falco's limit for one text literal."""

_UNSIGNED: Final = {
    table.Type.UINT8: 8,
    table.Type.FLAGS8: 8,
    table.Type.ENUMFLAGS8: 8,
    table.Type.SIGTYPE: 8,
    table.Type.UINT16: 16,
    table.Type.FLAGS16: 16,
    table.Type.ENUMFLAGS16: 16,
    table.Type.UINT32: 32,
    table.Type.FLAGS32: 32,
    table.Type.ENUMFLAGS32: 32,
    table.Type.MODE: 32,
    table.Type.UID: 32,
    table.Type.GID: 32,
    table.Type.UINT64: 64,
    table.Type.RELTIME: 64,
    table.Type.ABSTIME: 64,
}
_SIGNED: Final = {
    table.Type.INT8: 8,
    table.Type.INT16: 16,
    table.Type.INT32: 32,
    table.Type.INT64: 64,
    table.Type.FD: 64,
    table.Type.PID: 64,
    table.Type.ERRNO: 64,
}
_NUMBER: Final = re.compile(rb"[ \t\n\v\f\r]*([+-]?)0*([0-9]+)")
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})*")


class BadLiteral(ValueError):
    """The text is no value of the type; the message says why, in the words of a rule's author."""


def convert(text: bytes, kind: table.Type, op: str = "=") -> typed.Value:
    """The value `text` stands for when compared by `op` with a field of type `kind`. Raises BadLiteral."""
    if operands.is_text(kind):
        return _text(text)
    if kind is table.Type.BYTEBUF:
        return _bytes(text, op)
    if kind is table.Type.BOOL:
        return _bool(text)
    if kind is table.Type.PORT:
        return _port(text)
    if kind is table.Type.IPADDR:
        return _address(text)
    if kind is table.Type.IPNET:
        return _network(text)
    if kind in _UNSIGNED:
        return _unsigned(text, _UNSIGNED[kind])
    return _signed(text, _SIGNED.get(kind, 64))


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _limited(text: bytes) -> bytes:
    if len(text) > MAX_BYTES:
        raise BadLiteral(f"value is too long: {len(text)} bytes, at most {MAX_BYTES} are allowed")
    return text


def _text(text: bytes) -> bytes:
    if b"\0" in text:
        raise BadLiteral("value contains a NUL byte, which no text field can have")
    return _limited(text)


def _bytes(text: bytes, op: str) -> bytes:
    _limited(text)
    if op not in ("bcontains", "bstartswith"):
        return text
    if not _HEX.fullmatch(text):
        raise BadLiteral(f"{op} takes an even number of hexadecimal digits, not {_shown(text)}")
    return bytes.fromhex(text.decode("ascii"))


def _bool(text: bytes) -> bool:
    if text not in (b"true", b"false"):
        raise BadLiteral(f"{_shown(text)!r} is neither true nor false")
    return text == b"true"


def _integer(text: bytes) -> int:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise BadLiteral(f"{_shown(text)!r} is not a whole decimal number")
    # Twenty digits already exceed 64 bits, and int() refuses thousands of them.
    magnitude = int(found[2][:21])
    return -magnitude if found[1] == b"-" else magnitude


def _unsigned(text: bytes, bits: int) -> int:
    """As strtoull and a cast do: saturate at 64 bits, then wrap. `-1` is the largest value."""
    value = _integer(text)
    if abs(value) >= 1 << 64:
        value = (1 << 64) - 1
    return value % (1 << bits)


def _signed(text: bytes, bits: int) -> int:
    value = max(-(1 << 63), min(_integer(text), (1 << 63) - 1)) % (1 << bits)
    return value - (1 << bits) if value >> (bits - 1) else value


def _port(text: bytes) -> int:
    if not text:
        return 0
    if text.isdigit():
        return _unsigned(text, 16)
    port = services.ports().get(_shown(text))
    if port is None:
        raise BadLiteral(f"{_shown(text)!r} is neither a port number nor a known service")
    return port


def _address(text: bytes) -> bytes:
    family, name = (socket.AF_INET, "IPv4") if b"." in text else (socket.AF_INET6, "IPv6")
    try:
        return socket.inet_pton(family, text.decode("ascii"))
    except (OSError, ValueError):
        raise BadLiteral(f"{_shown(text)!r} is not an {name} address") from None


def _network(text: bytes) -> typed.Network:
    address_text, slash, bits_text = text.partition(b"/")
    if not slash:
        raise BadLiteral(f"{_shown(text)!r} is not a network: write address/bits")
    address = _address(address_text)
    width = 8 * len(address)
    if not (bits_text.isdigit() and len(bits_text) <= 3 and int(bits_text) <= width):
        raise BadLiteral(f"{_shown(bits_text)!r} is not a prefix length between 0 and {width}")
    bits = int(bits_text)
    mask = ((1 << bits) - 1) << (width - bits)
    return typed.Network((int.from_bytes(address, "big") & mask).to_bytes(len(address), "big"), bits)

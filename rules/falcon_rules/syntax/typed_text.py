"""Typed conditions as people would write them: for explanations, never to be parsed again.

Where a tree is at hand `printing` is the exact form; here literals show what they have become
(a port's number for a service's name).
"""

from __future__ import annotations

import re
import socket

from falcon_rules import typed
from falcon_rules.fields import table
from falcon_rules.syntax import quoting

_BARE = re.compile(r"""[^\s()"'=,\[\]<>!]+""")


def comparison(part: typed.Comparison) -> str:
    """One comparison: `proc.name in (cat, dd)`."""
    left, op = operand(part.left), f"{part.op} {part.modifier}" if part.modifier else part.op
    if part.op == "exists":
        return f"{left} exists"
    if not isinstance(part.right, tuple):
        return f"{left} {op} val({operand(part.right)})"
    values = [value(each, part.left.kind) for each in part.right]
    single = len(values) == 1 and part.modifier is None and part.op not in ("in", "intersects", "pmatch")
    return f"{left} {op} {values[0] if single else '(' + ', '.join(values) + ')'}"


def operand(part: typed.Operand) -> str:
    """A field, a transformer's call, or a literal inside one."""
    match part:
        case typed.FieldRef(name=name, argument=argument):
            return table.written(name, argument)
        case typed.Transform(name=name, arguments=arguments, argument=argument):
            brackets = "" if argument is None else f"[{argument}]"
            return f"{name}({', '.join(map(operand, arguments))}){brackets}"
        case typed.ListOf(items=items):
            return f"({', '.join(map(operand, items))})"
        case typed.Constant(value=constant):
            return value(constant, typed.Kind.TEXT)


def value(literal: typed.Value, kind: typed.Kind) -> str:
    """A literal of a field of this kind."""
    if isinstance(literal, bool):
        return str(literal).lower()
    if isinstance(literal, typed.Network):
        return f"{_address(literal.address)}/{literal.bits}"
    if isinstance(literal, int):
        return str(literal)
    if kind in (typed.Kind.ADDRESS, typed.Kind.NETWORK) and len(literal) in (4, 16):
        return _address(literal)
    text = literal.decode("utf-8", "surrogateescape")
    return text if _BARE.fullmatch(text) and text.isprintable() else quoting.quote(text)


def _address(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)

"""`fd.*` of calls about a descriptor (`dup`, `sendto`, `accept`, ...): files and sockets alike.

The kernel has already put the client's end into `source` and the server's into `destination`, and
says in the flags what it knows of them: the socket has a peer, or this call has an address, or
the socket's own end is the server's. `fd.name` and other paths are not decided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from falcon_rules import typed
from falcon_sensor.kernel.plan import atoms, decisions, expression, sockets
from falcon_sensor.records import layout

Values: TypeAlias = tuple[typed.Value, ...]
Simple: TypeAlias = Callable[[str, Values], decisions.Decision]

FLAG = layout.Flag


def _number(fact: str, *numbers: int) -> expression.Expression:
    return expression.leaf(atoms.Number(fact, atoms.ranges([(number, number) for number in numbers])))


IS_SOCKET = expression.opposite(_number("family", 0))
IS_OPEN = expression.leaf(atoms.Number("fd", ((0, atoms.HIGHEST),)))
SERVER_KNOWN = expression.every(
    sockets.IS_INET, expression.any_bit("flags", FLAG.FD_SERVER | FLAG.FD_CONNECTED | FLAG.FD_ADDRESSED)
)

_SOCKETS = tuple(choice for choice in sockets.TYPE_CHARACTERS if choice.text != b"o")
_NO_KNOWN_SOCKET = expression.opposite(_number("family", sockets.AF_UNIX, sockets.AF_INET, sockets.AF_INET6))
TYPE_CHARACTERS = (*_SOCKETS, decisions.Choice(decisions.ANYTHING, _NO_KNOWN_SOCKET))
TYPES = (
    *(choice for choice in sockets.TYPES if choice.text is not None),
    decisions.Choice(decisions.ANYTHING, _NO_KNOWN_SOCKET),
)
# Of a file the language has `<NA>`, of a descriptor that is not open nothing.
LAYER_4 = (*sockets.LAYER_4, decisions.Choice(None, expression.opposite(IS_SOCKET)))

_ADDRESSED = expression.any_bit("flags", FLAG.FD_ADDRESSED)
CONNECTED = decisions.exact(expression.any_bit("flags", FLAG.FD_CONNECTED))


def number(op: str, values: Values) -> decisions.Decision:
    """`fd.num`, unavailable when there is no descriptor."""
    found = decisions.ALWAYS if op == "exists" else decisions.number("fd", op, values)
    return decisions.when(IS_OPEN, found)


def connected(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.when(IS_SOCKET, decisions.boolean(op, values, CONNECTED))


NAMING = ("accept", "accept4", "bind")
"""Calls that give the descriptor its name when they succeed."""


def name_changed(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    succeeded = expression.leaf(atoms.Number("result", ((0, atoms.HIGHEST),)))
    changes = succeeded if view.event in NAMING else _ADDRESSED
    return decisions.when(
        IS_SOCKET, decisions.boolean(op, values, decisions.exact(expression.every(sockets.IS_INET, changes)))
    )


def server(decide: Simple) -> Simple:
    """`fd.sip`, `fd.sport` and the like: unavailable as long as no end is the server's."""
    return lambda op, values: decisions.when(SERVER_KNOWN, decide(op, values))


def one_of_two(op: str, values: Values) -> decisions.Decision:
    """`fd.rip`, `fd.lip`...: the server's or the client's end, whichever it is."""
    found = decisions.either((sockets.address(op, values), sockets.client_address(op, values)))
    return found._replace(fails=expression.TRUE)


def one_of_two_ports(op: str, values: Values) -> decisions.Decision:
    found = decisions.either((sockets.port(op, values), sockets.client_port(op, values)))
    return found._replace(fails=expression.TRUE)


def either(decide: Simple) -> Simple:
    """`fd.ip`, `fd.port`: `!=` holds as well if only the client's end is known, and differs."""

    def decided(op: str, values: Values) -> decisions.Decision:
        found = decide(op, values)
        fails = expression.some(found.fails, expression.opposite(SERVER_KNOWN))
        if op == "!=":
            return decisions.Decision(expression.some(found.holds, expression.opposite(SERVER_KNOWN)), expression.TRUE)
        return decisions.Decision(found.holds, fails)

    return decided

"""`fd.*` of connect: families, protocols, addresses and ports.

Whoever connects is the client: server and remote mean the destination. An IPv4 address in IPv6
form is that IPv4 address. Only sockets of the two internet families have addresses and ports.
"""

from __future__ import annotations

import errno

from falcon_rules import typed
from falcon_sensor.kernel.plan import atoms, decisions, expression

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_RAW = 3
PROTOCOLS = {1: b"icmp", 6: b"tcp", 17: b"udp", 58: b"icmp", 255: b"raw"}

ANY_IPV4 = (bytes(4), 0)
ANY_IPV6 = (bytes(16), 0)


def _among(fact: str, *numbers: int) -> expression.Expression:
    return expression.leaf(atoms.Number(fact, atoms.ranges([(number, number) for number in numbers])))


def _networks(side: str, *networks: tuple[bytes, int]) -> expression.Expression:
    return expression.leaf(atoms.Address(side, frozenset(networks)))


IS_INET = _among("family", AF_INET, AF_INET6)
IS_UNIX = _among("family", AF_UNIX)
IS_RAW = _among("sock_type", SOCK_RAW)
SUCCEEDED = _among("result", 0)

TYPE_CHARACTERS = (
    decisions.Choice(b"4", _networks("destination", ANY_IPV4)),
    decisions.Choice(b"6", _networks("destination", ANY_IPV6)),
    decisions.Choice(b"u", IS_UNIX),
    decisions.Choice(b"o", expression.opposite(_among("family", AF_UNIX, AF_INET, AF_INET6))),
)
_TYPE_NAMES = {b"4": b"ipv4", b"6": b"ipv6", b"u": b"unix", b"o": None}
TYPES = tuple(decisions.Choice(_TYPE_NAMES[text], condition) for text, condition in TYPE_CHARACTERS if text)
FAMILIES = (
    decisions.Choice(b"ip", IS_INET),
    decisions.Choice(b"unix", IS_UNIX),
    decisions.Choice(None, expression.opposite(expression.some(IS_INET, IS_UNIX))),
)


def _protocols() -> tuple[decisions.Choice, ...]:
    """`fd.l4proto`: by the protocol, but a raw socket is `raw` (or `icmp`) whatever protocol it carries."""
    cooked = expression.every(IS_INET, expression.opposite(IS_RAW))
    raw = expression.every(IS_INET, IS_RAW)
    icmp = _among("protocol", 1, 58)
    return (
        *(decisions.Choice(name, expression.every(cooked, _among("protocol", n))) for n, name in PROTOCOLS.items()),
        decisions.Choice(b"icmp", expression.every(raw, icmp)),
        decisions.Choice(b"raw", expression.every(raw, expression.opposite(icmp))),
        decisions.Choice(
            b"<NA>",
            expression.some(
                expression.opposite(IS_INET),
                expression.every(cooked, expression.opposite(_among("protocol", *PROTOCOLS))),
            ),
        ),
    )


LAYER_4 = _protocols()

CONNECTED = decisions.exact(SUCCEEDED)
NAME_CHANGED = decisions.exact(expression.every(IS_INET, _among("result", 0, -errno.EINPROGRESS)))


def port(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`fd.sport`, `fd.rport`."""
    return decisions.when(IS_INET, decisions.number("dest_port", op, values))


def address(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`fd.sip`, `fd.snet` and their remote twins."""
    if op == "exists":
        return decisions.exact(IS_INET)
    if op == "!=":
        return decisions.when(IS_INET, address("=", values).swapped)
    networks = _networks_of(values)
    if networks is None or op not in ("=", "in", "intersects"):
        return decisions.UNKNOWN
    return decisions.when(IS_INET, decisions.exact(_networks("destination", *networks)))


def client_address(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`fd.cip`, `fd.lnet`...: the end that may not be bound yet, in which case it is unavailable."""
    networks = _networks_of(values)
    if networks is None or op not in ("=", "in", "intersects"):
        return decisions.UNKNOWN
    return decisions.Decision(_networks("source", *networks), expression.TRUE)


def client_port(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    return decisions.Decision(decisions.number("source_port", op, values).holds, expression.TRUE)


def either_address(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`fd.ip`, `fd.net`: `=` if either end fits, `!=` only if both differ; an end not bound yet does not count."""
    server, own = address(op, values), client_address(op, values)
    if op == "!=":
        return decisions.Decision(server.holds, expression.TRUE)
    if op not in ("=", "in", "intersects"):
        return decisions.UNKNOWN
    return decisions.Decision(expression.some(server.holds, own.holds), server.fails)


def either_port(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    server = port(op, values)
    if op == "!=":
        return decisions.Decision(server.holds, expression.TRUE)
    if op == "exists":
        return decisions.UNKNOWN
    return decisions.Decision(expression.some(server.holds, client_port(op, values).holds), server.fails)


def _networks_of(values: tuple[typed.Value, ...]) -> list[tuple[bytes, int]] | None:
    found = []
    for value in values:
        if isinstance(value, typed.Network):
            found.append((value.address, value.bits))
        elif isinstance(value, bytes) and len(value) in (4, 16):
            found.append((value, 8 * len(value)))
        else:
            return None
    # A network of IPv4 in IPv6 form never fits: such addresses are IPv4 by the time they are compared.
    return found

"""What a filter answers for given facts, in Python.

The meaning that the generated C must have, in a form people can step through: tests compare the
C with it, and whoever asks why a record was shipped can ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from falcon_sensor.kernel.plan import atoms, clauses, cwalks, expression, stages, tables
from falcon_sensor.records import calls, layout


@dataclass(frozen=True, slots=True)
class Facts:
    """What the C side sees of one event: `struct falcon_facts`, `struct falcon_names` and the accessors' answers.

    ancestors: comms, parent first; the kernel looks at the first eight and knows whether there are more.
    """

    event: str
    result: int = 0
    result_known: bool = True
    flags: int = 0
    open_flags: int = 0
    mode: int = 0
    fd: int = 0
    family: int = 0
    sock_type: int = 0
    protocol: int = 0
    source_port: int = 0
    dest_port: int = 0
    source: bytes = bytes(16)
    destination: bytes = bytes(16)
    name: bytes = b""
    path: bytes = b""
    container: bool = False
    has_tty: bool = False
    uid: int = 0
    gid: int = 0
    pid: int = 1
    vpid: int = 1
    caps_effective: int = 0
    comm: bytes = b""
    ancestors: tuple[bytes, ...] = ()
    arguments: tuple[int, ...] = (0,) * calls.ARGUMENTS


class _Bits(NamedTuple):
    """Of one text: tests that surely hold and tests that may."""

    hit: int
    may: int


_ALL = -1
_NOTHING_KNOWN = _Bits(0, _ALL)


class _Names(NamedTuple):
    """The bits of the name at hand and of the name as given. last_slash: None when the name is not known."""

    name: _Bits
    raw: _Bits
    last_slash: int | None = None


def wanted(filters: list[stages.Filter], paths: tables.Table | None, comms: tables.Table | None, facts: Facts) -> bool:
    """Whether both functions of the event's kind say yes."""
    own = next((each for each in filters if facts.event in each.events), None)
    if own is None:
        return False
    condition = clauses.as_expression(own.alternatives)
    return any(_holds(condition, facts, names, paths, comms) for names in _names(facts, own.kind, paths))


def _names(facts: Facts, kind: layout.Kind, paths: tables.Table | None) -> Iterator[_Names]:
    if paths is None or kind in _WITHOUT_NAMES:
        yield _Names(_NOTHING_KNOWN, _NOTHING_KNOWN)
    elif kind is layout.Kind.NAMES:
        first = _walk(paths, facts.name)
        exact = facts.event in calls.TARGETS
        yield _Names(_absolute(paths, facts.path), first if exact else _absolute(paths, facts.name))
    elif kind is layout.Kind.EXEC:
        found = _walk(paths, facts.path)
        known = facts.path and not found.hit >> tables.ODD & 1
        yield _Names(found if known else _NOTHING_KNOWN, _NOTHING_KNOWN)
    else:
        given = _walk(paths, facts.name)
        raw = _NOTHING_KNOWN if given.hit >> tables.DOUBLED & 1 else given
        if not same_name(facts):
            known = facts.name.startswith(b"/") and not given.hit >> tables.ODD & 1
            yield _Names(_given(paths, facts.name, given), raw, _last_slash(facts.name) if known else None)
        if facts.path:
            yield _Names(_walk(paths, facts.path), raw, _last_slash(facts.path))


_WITHOUT_NAMES = (layout.Kind.CONNECT, layout.Kind.DESCRIPTOR, layout.Kind.PLAIN)


def _absolute(paths: tables.Table, name: bytes) -> _Bits:
    return _given(paths, name, _walk(paths, name))


def _last_slash(name: bytes) -> int | None:
    return name.rfind(b"/") if len(name) <= cwalks.MOST_NAME else None


def _walk(paths: tables.Table, text: bytes) -> _Bits:
    if len(text) > cwalks.MOST_NAME:
        return _NOTHING_KNOWN
    bits = paths.automaton.walk(text)
    return _Bits(bits, bits)


def _given(paths: tables.Table, name: bytes, found: _Bits) -> _Bits:
    if found.hit >> tables.ODD & 1:
        return _NOTHING_KNOWN
    if not name.startswith(b"/"):
        return _Bits(0, found.may | ~paths.relative)
    return found


def same_name(facts: Facts) -> bool:
    """Whether the name as given, made absolute, surely is the opened path."""
    name, path = facts.name, facts.path
    relative = not name.startswith(b"/")
    name = name.removeprefix(b"./")
    if len(name) > 1 and name.endswith(b"/"):
        name = name[:-1]
    if len(name) > cwalks.MOST_NAME or not name or not path:
        return False
    return path.endswith(b"/" + name) if relative else name == path


def _holds(
    part: expression.Expression, facts: Facts, names: _Names, paths: tables.Table | None, comms: tables.Table | None
) -> bool:
    if isinstance(part, expression.All):
        return all(_holds(child, facts, names, paths, comms) for child in part.children)
    if isinstance(part, expression.Some):
        return any(_holds(child, facts, names, paths, comms) for child in part.children)
    atom, positive = part.atom, part.positive
    if isinstance(atom, atoms.Number):
        if atom.fact == "result" and not facts.result_known:
            return True
        value = names.last_slash if atom.fact == "last_slash" else _number(facts, atom.fact)
        if value is None:
            return True
        return any(low <= value <= high for low, high in atom.ranges) == positive
    if isinstance(atom, atoms.Bits):
        return (_number(facts, atom.fact) & atom.mask in atom.values) == positive
    if isinstance(atom, atoms.Address):
        return _fits(facts, atom) == positive
    table = paths if tables.is_path(atom) else comms
    assert table is not None
    bits = _text_bits(atom.subject, facts, names, table)
    found = bits.may if positive else bits.hit
    return bool(found >> table.bits[atom] & 1) == positive


def _number(facts: Facts, fact: str) -> int:
    if fact == "ancestors":
        return min(len(facts.ancestors), layout.ANCESTORS)
    if fact.startswith("argument_"):
        return facts.arguments[int(fact.removeprefix("argument_"))]
    return int(getattr(facts, fact))


_FIRST_NAMES = (atoms.Subject.RAW, atoms.Subject.FIRST, atoms.Subject.TARGET)


def _text_bits(subject: atoms.Subject, facts: Facts, names: _Names, table: tables.Table) -> _Bits:
    if subject in atoms.PATHS:
        return names.raw if subject in _FIRST_NAMES else names.name
    if subject is atoms.Subject.ANY_ANCESTOR:
        bits = 0
        for comm in facts.ancestors[: layout.ANCESTORS]:
            bits |= table.automaton.walk(comm)
        return _Bits(bits, _ALL if len(facts.ancestors) > layout.ANCESTORS else bits)
    level = subject - atoms.Subject.COMM
    chain = (facts.comm, *facts.ancestors)
    bits = table.automaton.walk(chain[level]) if level < len(chain) else 0
    return _Bits(bits, bits)


def _fits(facts: Facts, atom: atoms.Address) -> bool:
    address = facts.source if atom.side == "source" else facts.destination
    if facts.family == 2:
        address = address[:4]
    elif facts.family != 10:
        return False
    elif address.startswith(bytes(10) + b"\xff\xff"):
        address = address[12:]
    number = int.from_bytes(address, "big")
    for network, bits in atom.networks:
        if len(network) == len(address):
            shift = 8 * len(address) - bits
            if number >> shift == int.from_bytes(network, "big") >> shift:
                return True
    return False

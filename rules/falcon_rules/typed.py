"""A condition after type checking: what a bundle carries and every engine reads.

The compiler makes these from syntax trees; the evaluator turns them into Python, the sensor's
kernel plan into C. All names are resolved, all literals have the type of the field they are
compared with, macros and lists are gone, constants are folded. Nodes are values: equal
sub-trees are equal objects, so a bundle can store each once.

Text is `bytes` everywhere: lengths, ordering and wildcards of the language count bytes, and
what processes call themselves need not be UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class Kind(StrEnum):
    """What a value is to the evaluator. The table of fields has the finer types."""

    TEXT = "text"
    """bytes; compared as bytes"""
    BYTES = "bytes"
    """bytes of a buffer (`evt.buffer`); has operators of its own"""
    NUMBER = "number"
    """int; signed or unsigned 64 bit, also times (nanoseconds), ports, flags, descriptors"""
    BOOL = "bool"
    ADDRESS = "address"
    """bytes of length 4 or 16 in network order"""
    NETWORK = "network"
    """the field gives an address, literals are `Network`"""


@dataclass(frozen=True, slots=True)
class Network:
    """`address` is masked already; 4 or 16 bytes."""

    address: bytes
    bits: int


Value: TypeAlias = bytes | int | bool | Network


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field that exists. `many`: its value is a tuple (`proc.args`-like list fields)."""

    name: str
    argument: str | None
    kind: Kind
    many: bool = False


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformer call; `kind` and `many` describe what it gives."""

    name: str
    arguments: tuple[Operand, ...]
    argument: str | None
    kind: Kind
    many: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal inside a transformer call."""

    value: bytes | int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`(a, b)` inside a transformer call."""

    items: tuple[Operand, ...]


Operand: TypeAlias = FieldRef | Transform | Constant | ListOf


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition that is always true or never."""

    value: bool


@dataclass(frozen=True, slots=True)
class All:
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """True exactly when the child is false: there is no third truth value, an unavailable
    field makes the *comparison* false and its negation true."""

    child: Condition


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison.

    op: ``exists = != < <= > >= contains icontains bcontains startswith bstartswith endswith
    glob iglob regex in intersects pmatch`` (``==`` is folded into ``=``).
    modifier: None, ``oneof``, ``anyof`` or ``allof``.
    right: the literals, already typed (one for single-value operators, none for `exists`);
    or the operand of `val(...)` or a transformer.
    """

    op: str
    left: FieldRef | Transform
    right: tuple[Value, ...] | FieldRef | Transform = ()
    modifier: str | None = None


Condition: TypeAlias = Truth | All | Some | Negation | Comparison

TEXT_TESTS: Final = frozenset("contains icontains bcontains startswith bstartswith endswith glob iglob regex".split())
"""Operators that compare text with one literal, or with several under a modifier; `pmatch` takes a list by itself."""


def children(condition: Condition) -> tuple[Condition, ...]:
    """The conditions right below; none for comparisons and constants."""
    match condition:
        case All(children=parts) | Some(children=parts):
            return parts
        case Negation(child=child):
            return (child,)
        case _:
            return ()


def postorder(condition: Condition) -> Iterator[Condition]:
    """Every object in `condition` once, children before parents, without recursion.

    Conditions may be nested deeper than Python's stack, and a shared sub-tree comes once, so
    whoever walks should walk with this and keep results by `id`.
    """
    seen: set[int] = set()
    todo: list[tuple[Condition, bool]] = [(condition, False)]
    while todo:
        current, ready = todo.pop()
        if ready:
            yield current
        elif id(current) not in seen:
            seen.add(id(current))
            todo.append((current, True))
            todo += [(child, False) for child in reversed(children(current))]


def fields_of(condition: Condition) -> Iterator[FieldRef]:
    """Every field in a condition, repeats included."""
    for part in postorder(condition):
        if isinstance(part, Comparison):
            yield from fields_in(part.left)
            if isinstance(part.right, FieldRef | Transform):
                yield from fields_in(part.right)


def fields_in(operand: Operand) -> Iterator[FieldRef]:
    """Every field in an operand."""
    if isinstance(operand, FieldRef):
        yield operand
    elif isinstance(operand, Transform):
        for argument in operand.arguments:
            yield from fields_in(argument)
    elif isinstance(operand, ListOf):
        for item in operand.items:
            yield from fields_in(item)

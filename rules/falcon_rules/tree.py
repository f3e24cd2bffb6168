"""The syntax tree of a condition, as the parser leaves it.

`syntax` makes these nodes, the compiler expands macros in them and turns them into typed
conditions (`typed`). Nothing is looked up or checked here: a `Field` may not exist, a
`MacroRef` may name nothing. Every node knows where it stands in its text, because every later
error must be able to point there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one condition's text: offsets of its first and one past its last character."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    children: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Or:
    children: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    child: Node
    span: Span


@dataclass(frozen=True, slots=True)
class MacroRef:
    """A bare identifier where a condition may stand."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Check:
    """`left op right`. `exists` has no right side.

    `op` is as written (`=` and `==` are kept apart); with a modifier it is the pair joined by
    one blank, such as ``"startswith oneof"``.
    """

    op: str
    left: Operand
    right: Operand | None
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """`name` or `name[argument]`; an empty argument (`[""]`) differs from none."""

    name: str
    argument: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A transformer, `val(...)` included; `argument` is what stood in trailing brackets."""

    name: str
    arguments: tuple[Operand, ...]
    argument: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Literal:
    """One value, unescaped. Numbers stay text until the field's type is known."""

    text: str
    quoted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class LiteralList:
    """`(a, b)` on the right of an operator."""

    items: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CallList:
    """`(a, b)` as an argument of a transformer."""

    items: tuple[Operand, ...]
    span: Span


Node: TypeAlias = And | Or | Not | MacroRef | Check
Operand: TypeAlias = Field | Call | Literal | LiteralList | CallList

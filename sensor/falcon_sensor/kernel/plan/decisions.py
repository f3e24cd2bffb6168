"""What the kernel can say about one comparison: an expression for "may hold", one for "may not hold".

Both are over-approximations, so they need not exclude each other: a comparison the kernel knows
nothing about is true in both (`UNKNOWN`). An unavailable field makes a comparison false and its
negation true, so whoever builds a decision puts "unavailable" on the second side only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from falcon_rules import typed
from falcon_rules.patterns import glob, paths
from falcon_sensor.kernel.plan import atoms, expression
from falcon_sensor.records import layout


@dataclass(frozen=True, slots=True)
class View:
    """Which events a decision is for."""

    kind: layout.Kind
    event: str


class Decision(NamedTuple):
    holds: expression.Expression
    fails: expression.Expression

    @property
    def swapped(self) -> Decision:
        return Decision(self.fails, self.holds)


UNKNOWN = Decision(expression.TRUE, expression.TRUE)
ALWAYS = Decision(expression.TRUE, expression.FALSE)
NEVER = Decision(expression.FALSE, expression.TRUE)
"""Also what an unavailable field gives, whatever the operator."""


def exact(condition: expression.Expression) -> Decision:
    return Decision(condition, expression.opposite(condition))


def constant(answer: bool) -> Decision:
    return ALWAYS if answer else NEVER


def either(decisions: Iterable[Decision]) -> Decision:
    listed = list(decisions)
    return Decision(
        expression.some(*(each.holds for each in listed)), expression.every(*(each.fails for each in listed))
    )


def both(decisions: Iterable[Decision]) -> Decision:
    listed = list(decisions)
    return Decision(
        expression.every(*(each.holds for each in listed)), expression.some(*(each.fails for each in listed))
    )


def when(available: expression.Expression, decision: Decision) -> Decision:
    """The decision for a field that is there only if `available`, which must be exact."""
    return Decision(
        expression.every(available, decision.holds),
        expression.some(expression.opposite(available), decision.fails),
    )


# Texts


def text_holds(op: str, value: bytes, literal: bytes) -> bool | None:
    """`value op literal` as the language has it; None for an operator that is not answered here."""
    test = _TEXT_TESTS.get(op)
    return None if test is None else test(value, literal)


_TEXT_TESTS: dict[str, Callable[[bytes, bytes], bool]] = {
    "=": lambda value, literal: value == literal,
    "in": lambda value, literal: value == literal,
    "!=": lambda value, literal: value != literal,
    "<": lambda value, literal: value < literal,
    "<=": lambda value, literal: value <= literal,
    ">": lambda value, literal: value > literal,
    ">=": lambda value, literal: value >= literal,
    "contains": lambda value, literal: literal in value,
    "icontains": lambda value, literal: literal.lower() in value.lower(),
    "startswith": lambda value, literal: value.startswith(literal),
    "endswith": lambda value, literal: value.endswith(literal),
    "glob": lambda value, literal: glob.compile_glob(literal)(value),
    "iglob": lambda value, literal: glob.compile_glob(literal, True)(value),
    "pmatch": lambda value, literal: paths.compile_paths((literal,))(value),
}


class Choice(NamedTuple):
    """A value a field may have, and a condition without which it has not. text None: unavailable."""

    text: bytes | None
    condition: expression.Expression


ANYTHING = b"\0"
"""As a choice's text: some text the kernel does not know (a real text has no NUL)."""


def chosen(op: str, values: tuple[typed.Value, ...], choices: Iterable[Choice]) -> Decision:
    """The decision for a field that has one of a few values."""
    holds, fails = [], []
    for text, condition in choices:
        if op == "exists":
            answers = {text is not None}
        elif text is None:
            answers = {False}
        elif text == ANYTHING:
            answers = {True, False}
        else:
            each = [text_holds(op, text, value) for value in values if isinstance(value, bytes)]
            answers = {True, False} if None in each or len(each) != len(values) else {any(each)}
        if True in answers:
            holds.append(condition)
        if False in answers:
            fails.append(condition)
    return Decision(expression.some(*holds), expression.some(*fails))


# Numbers and truth values


def wanted_ranges(op: str, values: tuple[typed.Value, ...]) -> atoms.Ranges | None:
    """The numbers for which `number op values` holds; None when the literals are no numbers."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) != len(values):
        return None
    if op == "exists":
        return atoms.ALL_NUMBERS
    low, high = atoms.LOWEST, atoms.HIGHEST
    if op in ("=", "in", "intersects"):
        return atoms.ranges([(number, number) for number in numbers])
    if len(numbers) != 1:
        return None
    number = numbers[0]
    one_sided = {"<": (low, number - 1), "<=": (low, number), ">": (number + 1, high), ">=": (number, high)}
    if op == "!=":
        return atoms.complement(((number, number),))
    return atoms.ranges([one_sided[op]]) if op in one_sided else None


def number(fact: str, op: str, values: tuple[typed.Value, ...]) -> Decision:
    wanted = wanted_ranges(op, values)
    return UNKNOWN if wanted is None else exact(expression.leaf(atoms.Number(fact, wanted)))


def integer(op: str, values: tuple[typed.Value, ...], choices: Iterable[tuple[int, expression.Expression]]) -> Decision:
    """As `chosen`, for a number that has one of a few values."""
    wanted = wanted_ranges(op, values)
    if wanted is None:
        return UNKNOWN
    holds: list[expression.Expression] = []
    fails: list[expression.Expression] = []
    for value, condition in choices:
        (holds if any(low <= value <= high for low, high in wanted) else fails).append(condition)
    return Decision(expression.some(*holds), expression.some(*fails))


def boolean(op: str, values: tuple[typed.Value, ...], decision: Decision) -> Decision:
    """`field op values` for a truth value that is always there; `decision` says when it is true."""
    if op == "exists":
        return ALWAYS
    if op not in ("=", "!=", "in", "intersects") or not all(isinstance(value, bool) for value in values):
        return UNKNOWN
    parts = [decision if (value is True) == (op != "!=") else decision.swapped for value in values]
    return either(parts)

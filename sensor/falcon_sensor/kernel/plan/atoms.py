"""The questions the kernel can answer: the leaves of a filter expression.

An atom is a property of one event that the C side reads off its facts. Each has a definite
answer for a given event; where the kernel may not know it (a name with `..` in it, a result that
is not known yet), the C side answers so that the record is shipped. `literals` makes atoms from
a rule's comparisons, `expression` combines and simplifies them, `cfilter` prints them.

Ranges, sets and patterns instead of single values let expressions merge what rules say about the
same thing: `proc.name in (a, b)` and `proc.name = c` are one atom with three patterns.

Atoms and leaves are named tuples because planning is mostly looking them up, and a tuple's hash is the quickest.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Closed intervals, ascending, not touching."""

LOWEST, HIGHEST = -(1 << 63), (1 << 64) - 1
"""Every number of the language lies between: signed and unsigned 64 bit."""

ALL_NUMBERS: Ranges = ((LOWEST, HIGHEST),)


def ranges(pairs: list[tuple[int, int]]) -> Ranges:
    """Any closed intervals, brought to the canonical form."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for pair in pairs if pair[0] <= pair[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(given: Ranges) -> Ranges:
    gaps = []
    start = LOWEST
    for low, high in given:
        gaps.append((start, low - 1))
        start = high + 1
    return ranges([*gaps, (start, HIGHEST)])


def intersection(first: Ranges, second: Ranges) -> Ranges:
    return ranges([(max(a, c), min(b, d)) for a, b in first for c, d in second])


class Subject(IntEnum):
    """Which text an atom asks about."""

    NAME = 0
    """open: the file's absolute name; asked once of the name as given and once of the opened path"""
    RAW = 1
    """open: the name exactly as given"""
    EXE = 2
    """exec: path of the executable"""
    COMM = 3
    PARENT = 4
    ANCESTOR_2 = 5
    ANCESTOR_3 = 6
    ANCESTOR_4 = 7
    ANCESTOR_5 = 8
    ANCESTOR_6 = 9
    ANCESTOR_7 = 10
    ANCESTOR_8 = 11
    ANY_ANCESTOR = 12
    """holds if it holds for some ancestor, the process itself not counted"""
    FIRST = 13
    """NAMES: the first name, made absolute"""
    SECOND = 14
    """NAMES: the second name, made absolute"""
    TARGET = 15
    """NAMES: the first name exactly as given, for calls where it is no file's"""


def ancestor(level: int) -> Subject:
    """level: 0 the process itself, 1 its parent, up to 8."""
    return Subject(Subject.COMM + level)


PATHS = frozenset((Subject.NAME, Subject.RAW, Subject.EXE, Subject.FIRST, Subject.SECOND, Subject.TARGET))

MADE_ABSOLUTE = frozenset((Subject.NAME, Subject.FIRST, Subject.SECOND))
"""Of these the kernel sees what the caller gave, which may be relative."""


class Pattern(NamedTuple):
    """A piece of text and whether it must stand at the start or at the end."""

    text: bytes
    start: bool = False
    end: bool = False


class Number(NamedTuple):
    """The fact's value lies in one of the ranges."""

    fact: str
    ranges: Ranges


class Bits(NamedTuple):
    """`fact & mask` is one of the values."""

    fact: str
    mask: int
    values: frozenset[int]


class Text(NamedTuple):
    """Some pattern fits the subject."""

    subject: Subject
    patterns: frozenset[Pattern]


class Address(NamedTuple):
    """The address (`destination` or `source`) lies in one of the networks: (family, bytes, bits).

    False for every other family. An IPv4 network also fits the IPv6 form of its addresses
    (``::ffff:a.b.c.d``).
    """

    side: str
    networks: frozenset[tuple[bytes, int]]


Atom: TypeAlias = Number | Bits | Text | Address

"""Which bit of which automaton answers which text test.

Two automata: one for paths (names as given, opened paths, executables), one for comms. Tests with
the same patterns share a bit whoever's text they ask about, because each text has its own walk.

Two bits of the path automaton are always taken. `ODD` says that a name has to be normalised before
it can be compared (`..`, `.`, `//`, a slash at the end) or, for executables, that the engine cuts
it (` (deleted)`): then nothing is known. `DOUBLED` says that it has a doubled slash: `fd.nameraw`
has it single.

A relative name is compared without knowing what it is relative to. Tests of its end still have an
answer then; for `/x` to be found in the `x` that it may be, such patterns get a twin at the start:
`endswith /id_rsa` is {/id_rsa$, ^id_rsa$}. No absolute name fits the twin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from falcon_sensor.kernel.plan import atoms, automaton

ODD, DOUBLED = 0, 1

_ODD = frozenset(
    {
        *(atoms.Pattern(text) for text in (b"//", b"/./", b"/../")),
        *(atoms.Pattern(text, end=True) for text in (b"/", b"/.", b"/..", b" (deleted)")),
        *(atoms.Pattern(text, start=True) for text in (b"./", b"../")),
        *(atoms.Pattern(text, True, True) for text in (b".", b"..", b"")),
    }
)
_DOUBLED = frozenset({atoms.Pattern(b"//")})

PATH_WORDS = 4
"""Most 64-bit words of path tests: with the words for names as given and as opened they lie on the C stack."""
COMM_WORDS = 2
"""Fewer than for paths: each ancestor asked about has its own words."""


@dataclass(frozen=True, slots=True)
class Table:
    """One automaton. bits: of each text test. relative: bits that a relative name answers as well as an absolute."""

    automaton: automaton.Automaton
    bits: dict[atoms.Text, int]
    relative: int = 0

    @property
    def words(self) -> int:
        return self.automaton.words


def is_path(test: atoms.Text) -> bool:
    return test.subject in atoms.PATHS


def paths(tests: Iterable[atoms.Text]) -> Table | None:
    """The table of path tests; None without any. Raises `automaton.TooLarge`."""
    listed = list(dict.fromkeys(tests))
    if not listed:
        return None
    keys: dict[frozenset[atoms.Pattern], int] = {_ODD: ODD, _DOUBLED: DOUBLED}
    bits = {test: keys.setdefault(_patterns(test), len(keys)) for test in listed}
    relative = 0
    for test, bit in bits.items():
        if all(map(_ends_the_name, test.patterns)):
            relative |= 1 << bit
    return Table(automaton.build(list(keys), _words(len(keys))), bits, relative)


def comms(tests: Iterable[atoms.Text]) -> Table | None:
    """The table of comm tests; None without any. Raises `automaton.TooLarge`."""
    listed = list(dict.fromkeys(tests))
    if not listed:
        return None
    keys: dict[frozenset[atoms.Pattern], int] = {}
    bits = {test: keys.setdefault(test.patterns, len(keys)) for test in listed}
    return Table(automaton.build(list(keys), _words(len(keys))), bits)


def _words(bits: int) -> int:
    return -(-bits // 64)


def _patterns(test: atoms.Text) -> frozenset[atoms.Pattern]:
    if test.subject not in atoms.MADE_ABSOLUTE:
        return test.patterns
    twins = (
        atoms.Pattern(pattern.text[1:], True, pattern.end)
        for pattern in test.patterns
        if pattern.text.startswith(b"/") and _ends_the_name(pattern)
    )
    return test.patterns.union(twins)


def _ends_the_name(pattern: atoms.Pattern) -> bool:
    """Whether the pattern can only fit within the last component (and the slash before it)."""
    return not pattern.start and pattern.end and b"/" not in pattern.text[1:] and pattern.text != b"/"

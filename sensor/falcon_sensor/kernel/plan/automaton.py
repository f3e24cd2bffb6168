"""All text tests of all rules in one pass over the text: Aho-Corasick with marks for start and end.

Patterns are put into one trie, a pattern that must stand at the start below a mark of its own. Each
state gets, for every byte, the state of the longest suffix that is still a beginning of some
pattern, so the walk never looks back: one table lookup a byte, and at the end one more with the
mark for "end". States that complete a pattern come first in numbering, so "is there output" is
one comparison.

Worked example: test 0 is `startswith /e`, test 1 is `= /etc`, test 2 is `endswith c`.

    patterns   ^/e    ^/etc$    c$            (^ start, $ end)
    trie       root -^-> s1 -/-> s2 -e-> s3* -t-> s4 -c-> s5 -$-> s6*
               root -c-> s7 -$-> s8*                                  (* completes a pattern)
    falls back s5 to s7 (its suffix "c" begins `c$`), s6 to s8, all others to root
    outputs    s3: {0}   s6: {1, 2}   s8: {2}

    /etc       s1 s2 s3 s4 s5 $ s6    tests 0, 1, 2
    /e/c       s1 s2 s3 root s7 $ s8  tests 0, 2

The end is the byte NUL, which no text contains: what lies behind it leads to a state that is never
left, so a walk may run on over padding. Bytes that no pattern uses behave alike, so the table's rows
have a column for each byte that is used, one for all others and one for the end, rounded up to a
power of two: the C side then finds an entry with a shift and a mask that its verifier understands.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from falcon_sensor.kernel.plan import atoms

MOST_STATES = 1 << 16
"""State numbers are 16 bits in the table."""

MOST_ENTRIES = 1 << 20
"""2 MiB of table: a map value may have 4 MiB on every kernel that we support, and it should stay in caches."""

_START, _END = 256, 0
"""Symbols beside the bytes of texts; a text has no NUL."""

_ROOT, _DONE = 0, 1


class TooLarge(ValueError):
    """The patterns need more states than a table may have."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """A finished table.

    shift: log2 of a row's entries. start: the state before the first byte. outputs: for each of the
    first `len(outputs)` states the bits of the tests that it completes. words: 64-bit words of bits.
    """

    classes: bytes
    shift: int
    start: int
    table: array[int]
    outputs: tuple[int, ...]
    words: int

    @property
    def states(self) -> int:
        return len(self.table) >> self.shift

    @property
    def rows(self) -> int:
        """States, rounded up to a power of two."""
        return 1 << (self.states - 1).bit_length()

    @property
    def slots(self) -> int:
        """Different places for output, the first of them for none, rounded up to a power of two."""
        return 1 << len(self.outputs).bit_length()

    def walk(self, text: bytes) -> int:
        """Bits of all tests that hold for the whole text."""
        state, bits = self.start, 0
        for byte in text + b"\0":
            state = self.table[state << self.shift | self.classes[byte]]
            if state < len(self.outputs):
                bits |= self.outputs[state]
        return bits

    def packed(self) -> bytes:
        """The C struct's bytes, little-endian; `cwalks.table` declares it.

        u64 outputs[slots][words], u16 next[rows << shift], u16 slot_of[rows], u8 classes[256].
        """
        outputs = [0, *self.outputs, *([0] * (self.slots - len(self.outputs) - 1))]
        mask = (1 << 64) - 1
        words = [value >> 64 * word & mask for value in outputs for word in range(self.words)]
        entries = [*self.table, *([0] * ((self.rows << self.shift) - len(self.table)))]
        slot_of = [*range(1, len(self.outputs) + 1), *([0] * (self.rows - len(self.outputs)))]
        return struct.pack(f"<{len(words)}Q{len(entries) + len(slot_of)}H", *words, *entries, *slot_of) + self.classes


@dataclass(slots=True)
class _State:
    children: dict[int, int] = field(default_factory=dict)
    output: int = 0


def build(tests: Sequence[frozenset[atoms.Pattern]], words: int = 1) -> Automaton:
    """The automaton of `tests`: bit i is set when one of test i's patterns fits. Raises TooLarge."""
    states = _trie(tests)
    used = sorted({symbol for state in states for symbol in state.children if 0 < symbol < _START})
    columns = {byte: number for number, byte in enumerate(used, 1)}
    columns[_END] = len(used) + 1
    shift = (len(used) + 1).bit_length()
    if len(states) > MOST_STATES or len(states) << shift > MOST_ENTRIES:
        raise TooLarge(f"{len(states)} states of {1 << shift} entries")
    rows = _rows(states, columns, 1 << shift)
    order = sorted(range(len(states)), key=lambda number: states[number].output == 0)
    renumbered = array("L", bytes(array("L").itemsize * len(states)))
    for new, old in enumerate(order):
        renumbered[old] = new
    table = array("H")
    for old in order:
        table.extend([renumbered[target] for target in rows[old]])
    return Automaton(
        classes=bytes(columns.get(byte, 0) for byte in range(256)),
        shift=shift,
        start=renumbered[states[_ROOT].children.get(_START, _ROOT)],
        table=table,
        outputs=tuple(states[old].output for old in order if states[old].output),
        words=words,
    )


def _trie(tests: Sequence[frozenset[atoms.Pattern]]) -> list[_State]:
    """All patterns; the state `_DONE`, where every text ends, has no place in the tree."""
    states = [_State(), _State()]
    for bit, patterns in enumerate(tests):
        for pattern in sorted(patterns):
            at = _ROOT
            symbols = ([_START] if pattern.start else []) + list(pattern.text) + ([_END] if pattern.end else [])
            for symbol in symbols:
                following = states[at].children.get(symbol)
                if following is None:
                    following = len(states)
                    states[at].children[symbol] = following
                    states.append(_State())
                at = following
            states[at].output |= 1 << bit
    return states


def _rows(states: list[_State], columns: dict[int, int], width: int) -> list[list[int]]:
    """Each state's row, breadth first: that of the state it falls back to, its own children put over it."""
    done = [_DONE] * width
    rows: list[list[int]] = [done for _ in states]
    rows[_ROOT] = [_ROOT] * width
    rows[_ROOT][columns[_END]] = _DONE
    fallback = [_ROOT] * len(states)
    queue = [_ROOT]
    for number in queue:
        state = states[number]
        row = rows[fallback[number]].copy() if number != _ROOT else rows[_ROOT]
        for symbol, child in state.children.items():
            # Only the very first step may be the start mark, so what follows it falls back to the root.
            back = _ROOT if symbol == _START or number == _ROOT else row[columns[symbol]]
            fallback[child] = back
            states[child].output |= states[back].output
            if symbol != _END:
                queue.append(child)
        for symbol, child in state.children.items():
            if symbol != _START:
                row[columns[symbol]] = child
        rows[number] = row
    return rows

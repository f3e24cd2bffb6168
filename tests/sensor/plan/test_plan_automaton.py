"""The automaton finds what looking for each pattern by itself finds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_sensor.kernel.plan import atoms, automaton

ALPHABET = b"/ab."
TEXTS = st.lists(st.sampled_from(ALPHABET), max_size=12).map(bytes)
PATTERNS = st.builds(atoms.Pattern, TEXTS.filter(len), st.booleans(), st.booleans())
TESTS = st.lists(st.frozensets(PATTERNS, max_size=4), min_size=1, max_size=70)


def fits(pattern, text):
    if pattern.start and pattern.end:
        return text == pattern.text
    if pattern.start:
        return text.startswith(pattern.text)
    return text.endswith(pattern.text) if pattern.end else pattern.text in text


@settings(max_examples=300, deadline=None)
@given(TESTS, st.lists(TEXTS | st.binary(max_size=9).filter(lambda text: b"\0" not in text), max_size=20))
def test_every_test_holds_exactly_when_one_of_its_patterns_fits(tests, texts):
    machine = automaton.build(tests, 2)
    for text in texts:
        expected = sum(1 << bit for bit, test in enumerate(tests) if any(fits(pattern, text) for pattern in test))
        assert machine.walk(text) == expected


def test_the_worked_example_of_the_docstring():
    tests = [
        frozenset({atoms.Pattern(b"/e", True)}),
        frozenset({atoms.Pattern(b"/etc", True, True)}),
        frozenset({atoms.Pattern(b"c", end=True)}),
    ]
    machine = automaton.build(tests)
    assert machine.walk(b"/etc") == 0b111
    assert machine.walk(b"/e/c") == 0b101
    assert machine.walk(b"") == 0


def test_the_packed_table_has_the_parts_that_the_c_side_declares():
    machine = automaton.build([frozenset({atoms.Pattern(b"/e", True)}), frozenset({atoms.Pattern(b"x")})], 2)
    packed = machine.packed()
    assert len(packed) == 8 * 2 * machine.slots + 2 * (machine.rows << machine.shift) + 2 * machine.rows + 256
    outputs = struct.unpack_from(f"<{2 * machine.slots}Q", packed)
    assert outputs[:2] == (0, 0)
    assert {outputs[2 * (1 + state)] for state in range(len(machine.outputs))} == {0b01, 0b10}
    assert packed[-256:] == machine.classes


@pytest.mark.parametrize("limit", ["MOST_STATES", "MOST_ENTRIES"])
def test_too_many_patterns_are_refused_not_cut(monkeypatch, limit):
    monkeypatch.setattr(automaton, limit, 8)
    with pytest.raises(automaton.TooLarge):
        automaton.build([frozenset({atoms.Pattern(b"/a/long/path", True)})])

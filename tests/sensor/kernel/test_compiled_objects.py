"""Compiled programs as data: maps are named instead of numbered, and everything survives the way to disk and back."""

from __future__ import annotations

import pytest

from falcon_sensor.kernel import objects

LOAD_MAP = bytes.fromhex("1811000007000000") + bytes(8)
LOAD_NUMBER = bytes.fromhex("1801000007000000") + bytes(8)
EXIT = bytes.fromhex("9500000000000000")


def test_maps_are_named_and_linked_again():
    code = LOAD_NUMBER + LOAD_MAP + EXIT
    function = objects.unlinked(code, {7: "ring"})
    assert function.references == ((2, "ring"),)
    assert function.linked({"ring": 7}) == code
    assert function.linked({"ring": 300})[20:24] == (300).to_bytes(4, "little")


def test_second_half_of_a_wide_instruction_is_no_instruction():
    # A 64-bit constant whose upper half looks like the loading of a map.
    code = bytes.fromhex("1801000007000000") + LOAD_MAP[:8] + EXIT
    assert objects.unlinked(code, {}).references == ()


def test_there_and_back():
    compiled = objects.Object(
        {"ring": objects.MapShape(27, 0, 0, 4096, 0), "table": objects.MapShape(2, 4, 8, 3, 0)},
        {"first": objects.unlinked(LOAD_MAP + EXIT, {7: "ring"}), "second": objects.Function(EXIT, ())},
    )
    assert objects.Object.from_bytes(compiled.to_bytes()) == compiled


@pytest.mark.parametrize("cut", [-1, -8, 10])
def test_what_is_cut_is_no_object(cut: int):
    whole = objects.Object({}, {"only": objects.Function(EXIT, ())}).to_bytes()
    with pytest.raises(ValueError):
        objects.Object.from_bytes(whole[:cut])


def test_parts_are_joined():
    ring, table = objects.MapShape(27, 0, 0, 4096, 0), objects.MapShape(2, 4, 8, 3, 0)
    first = objects.Object({"ring": ring}, {"first": objects.Function(EXIT, ())})
    second = objects.Object(
        {"ring": ring, "table": table}, {"second": objects.Function(LOAD_MAP + EXIT, ((0, "ring"),))}
    )
    whole = objects.joined([first, second])
    assert whole == objects.Object({"ring": ring, "table": table}, first.functions | second.functions)
    assert list(first.functions) == ["first"]


def test_two_maps_of_one_name_are_no_whole():
    maps = (objects.MapShape(2, 4, size, 3, 0) for size in (8, 16))
    with pytest.raises(ValueError, match="table is"):
        objects.joined(objects.Object({"table": shape}, {}) for shape in maps)

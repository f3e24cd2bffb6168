"""Tests on one available value, for comparisons that are more than one Python operator.

The generated source binds these by name; patterns and sets live in them as data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from falcon_rules import typed
from falcon_rules.fields import table
from falcon_rules.patterns import glob, paths, regex

Test: TypeAlias = Callable[[Any], bool]
Relation: TypeAlias = Callable[[Any, Any], bool]


def literal_test(op: str, right: tuple[typed.Value, ...], modifier: str | None) -> Test:
    """`value op right` for a single value, list operators and modifiers included."""
    if modifier is not None:
        return _modified([single(op, value) for value in right], modifier)
    if op in ("in", "intersects"):
        return _member(right)
    if op == "pmatch":
        return paths.compile_paths(tuple(value for value in right if isinstance(value, bytes)))
    return single(op, right[0])


def _member(right: tuple[typed.Value, ...]) -> Test:
    nets = [value for value in right if isinstance(value, typed.Network)]
    return in_networks(nets) if nets else frozenset(right).__contains__


def _modified(tests: Sequence[Test], modifier: str) -> Test:
    if modifier == "anyof":
        return lambda value: any(test(value) for test in tests)
    if modifier == "allof":
        return lambda value: bool(tests) and all(test(value) for test in tests)
    return lambda value: sum(test(value) for test in tests) == 1


def single(op: str, right: typed.Value) -> Test:
    """`value op right` for operators with one literal."""
    if isinstance(right, typed.Network):
        inside = in_networks([right])
        return inside if op == "=" else (lambda address: not inside(address))
    if op in _ORDERED:
        return _ORDERED[op](right)
    assert isinstance(right, bytes)
    return _TEXTUAL[op](right)


_ORDERED: dict[str, Callable[[Any], Test]] = {
    "=": lambda right: lambda value: bool(value == right),
    "!=": lambda right: lambda value: bool(value != right),
    "<": lambda right: lambda value: bool(value < right),
    "<=": lambda right: lambda value: bool(value <= right),
    ">": lambda right: lambda value: bool(value > right),
    ">=": lambda right: lambda value: bool(value >= right),
}


def _contains(right: bytes) -> Test:
    return lambda value: right in value


def _icontains(right: bytes) -> Test:
    lowered = right.lower()
    return lambda value: lowered in value.lower()


def _startswith(right: bytes) -> Test:
    return lambda value: bool(value.startswith(right))


def _endswith(right: bytes) -> Test:
    return lambda value: bool(value.endswith(right))


_TEXTUAL: dict[str, Callable[[bytes], Test]] = {
    "contains": _contains,
    "bcontains": _contains,
    "icontains": _icontains,
    "startswith": _startswith,
    "bstartswith": _startswith,
    "endswith": _endswith,
    "glob": glob.compile_glob,
    "iglob": lambda right: glob.compile_glob(right, True),
    "regex": regex.compile_regex,
}


def in_networks(networks: Iterable[typed.Network]) -> Test:
    """Whether an address lies in one of them; one of the other family does not."""
    by_length: dict[int, list[tuple[int, int]]] = {4: [], 16: []}
    for network in networks:
        width = len(network.address)
        shift = 8 * width - network.bits
        by_length[width].append((shift, int.from_bytes(network.address, "big") >> shift))

    def inside(address: bytes) -> bool:
        number = int.from_bytes(address, "big")
        return any(number >> shift == prefix for shift, prefix in by_length.get(len(address), ()))

    return inside


def list_test(op: str, right: tuple[typed.Value, ...]) -> Test:
    """`in` and `intersects` for the items of a list field."""
    nets = [value for value in right if isinstance(value, typed.Network)]
    if nets:
        inside = in_networks(nets)
        if op == "in":
            return lambda items: all(inside(item) for item in items)
        return lambda items: any(inside(item) for item in items)
    values = frozenset(right)
    if op == "in":
        return values.issuperset
    return lambda items: not values.isdisjoint(items)


def candidates_test(any_of: table.AnyOf, op: str, right: tuple[typed.Value, ...], modifier: str | None) -> Test:
    """A comparison of a field with several candidates; gets the tuple of them.

    Ancestors: one of them must satisfy the whole comparison. Ends: `!=` asks that both differ,
    everything else that one satisfies it; a modifier counts values that hold for the pair.
    """
    if any_of is table.AnyOf.ANCESTORS:
        test = literal_test(op, right, modifier)
        return lambda values: any(test(value) for value in values)
    if modifier is not None:
        counted = _modified([_ends_test(op, (value,)) for value in right], modifier)
        return lambda values: bool(values) and counted(values)
    return _ends_test(op, right)


def _ends_test(op: str, right: tuple[typed.Value, ...]) -> Test:
    if op == "!=":
        same = single("=", right[0])
        return lambda values: bool(values) and not any(same(value) for value in values)
    test = literal_test(op, right, None)
    return lambda values: any(test(value) for value in values)


def subset(items: Sequence[Any], others: Sequence[Any]) -> bool:
    """`in val(list)`"""
    return set(others).issuperset(items)


def common(items: Sequence[Any], others: Sequence[Any]) -> bool:
    """`intersects val(list)`"""
    return not set(others).isdisjoint(items)


def like(value: bytes, pattern: bytes) -> bool:
    """`glob val(field)`"""
    return glob.compile_glob(pattern)(value)


def like_ignoring_case(value: bytes, pattern: bytes) -> bool:
    """`iglob val(field)`"""
    return glob.compile_glob(pattern, True)(value)

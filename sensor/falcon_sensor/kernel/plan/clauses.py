"""A filter as alternatives that remember which rules need them.

    clauses    is_write and container and {^/etc/}        rule A
               is_write and container and {^/bin/}        rule B
               is_write and uid = 0                       rule C

    branches   is_write                                   A, B, C
                   container and {^/etc/, ^/bin/}         A, B
                   uid = 0                                C

What many clauses share is tested once, and what remains of them often merges again: a thousand
rules about a thousand paths of the same kind end as one test of the automaton.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from falcon_sensor.kernel.plan import expression, residual

Names: TypeAlias = frozenset[str]
Clauses: TypeAlias = Mapping[expression.Expression, Names]
"""Alternatives, each with the names of the rules it stands for."""


@dataclass(frozen=True, slots=True)
class Branch:
    """True if all of `tests` are, and some child is (or there are none)."""

    tests: frozenset[expression.Expression]
    rules: Names
    children: tuple[Branch, ...] = ()


def of_wishes(wishes: Iterable[residual.Wish]) -> Clauses:
    """The clauses of rules: a rule that is an `or` gives several."""
    found: dict[expression.Expression, Names] = {}
    for wish in wishes:
        name = frozenset((wish.rule.name,))
        for part in _alternatives(wish.condition):
            found[part] = found.get(part, frozenset()) | name
    return absorbed(found)


def _alternatives(condition: expression.Expression) -> Iterable[expression.Expression]:
    return condition.children if isinstance(condition, expression.Some) else (condition,)


def changed(clauses: Clauses, change: Callable[[expression.Leaf], expression.Expression]) -> Clauses:
    """The clauses with leaves replaced, alternatives that became equal or needless put together."""
    found: dict[expression.Expression, Names] = {}
    replaced = expression.Replacement(change)
    for condition, names in clauses.items():
        for part in _alternatives(replaced(condition)):
            found[part] = found.get(part, frozenset()) | names
    return absorbed(found)


def absorbed(clauses: Clauses) -> Clauses:
    """Without clauses that a weaker one covers; their rules' names go to the weaker one."""
    kept: dict[expression.Expression, Names] = {}
    filed: dict[expression.Expression, list[tuple[frozenset[expression.Expression], expression.Expression]]] = {}
    # Each is filed under its rarest part, so that few others are compared with it.
    uses = Counter(part for condition in clauses for part in conjuncts(condition))
    for condition in sorted(clauses, key=lambda condition: len(conjuncts(condition))):
        parts = conjuncts(condition)
        if condition == expression.FALSE:
            continue
        if expression.TRUE in kept:
            kept[expression.TRUE] |= clauses[condition]
            continue
        weaker = next((known for part in parts for few, known in filed.get(part, ()) if few <= parts), None)
        if weaker is not None:
            kept[weaker] |= clauses[condition]
            continue
        kept[condition] = clauses[condition]
        if parts:
            filed.setdefault(min(parts, key=uses.__getitem__), []).append((parts, condition))
    return kept


def conjuncts(condition: expression.Expression) -> frozenset[expression.Expression]:
    return condition.children if isinstance(condition, expression.All) else frozenset((condition,))


def as_expression(clauses: Clauses) -> expression.Expression:
    """Not simplified further: the meaning of the clauses."""
    return expression.TRUE if expression.TRUE in clauses else expression.Some(frozenset(clauses))


def factored(clauses: Clauses, *, merge: bool = True) -> tuple[Branch, ...]:
    """The clauses as branches. merge: whether leaves left alone under a common part may become one new leaf."""
    return _factored([(conjuncts(condition), names) for condition, names in clauses.items()], merge)


_Item: TypeAlias = tuple[frozenset[expression.Expression], Names]


def _factored(items: list[_Item], merge: bool) -> tuple[Branch, ...]:
    if merge:
        items = _merged(items)
    counts = Counter(part for parts, _ in items for part in parts)
    shared = [part for part, count in counts.items() if count > 1]
    # The most shared first; the second key makes it the same in every process.
    shared.sort(key=lambda part: (-counts[part], expression.sort_key(part)))
    by_part: dict[expression.Expression, list[int]] = {part: [] for part in shared}
    for index, (parts, _) in enumerate(items):
        for part in parts:
            if part in by_part:
                by_part[part].append(index)
    left = dict.fromkeys(range(len(items)))
    branches: list[Branch] = []
    for part in shared:
        group = [index for index in by_part[part] if index in left]
        if len(group) < 2:
            continue
        for index in group:
            del left[index]
        branches.append(_branch([items[index] for index in group], merge))
    branches += [Branch(parts, names) for parts, names in (items[index] for index in left)]
    return tuple(branches)


def _branch(group: list[_Item], merge: bool) -> Branch:
    common = frozenset.intersection(*(parts for parts, _ in group))
    rules = frozenset[str]().union(*(names for _, names in group))
    rest = [(parts - common, names) for parts, names in group]
    if any(not parts for parts, _ in rest):
        return Branch(common, rules)
    children = _factored(rest, merge)
    if len(children) == 1 and not children[0].children:
        return Branch(common | children[0].tests, rules)
    return Branch(common, rules, children)


def _merged(items: list[_Item]) -> list[_Item]:
    """Items that are one leaf each, put together where that makes fewer."""
    single = [(next(iter(parts)), names) for parts, names in items if len(parts) == 1]
    alone = [(part, names) for part, names in single if isinstance(part, expression.Leaf)]
    if len(alone) < 2:
        return items
    union = expression.some(*(part for part, _ in alone))
    if union == expression.TRUE:
        return [(frozenset(), frozenset[str]().union(*(names for _, names in alone)))]
    parts = union.children if isinstance(union, expression.Some) else frozenset((union,))
    if len(parts) >= len(alone):
        return items
    sources: dict[object, Names] = {}
    for part, names in alone:
        key = _source(part)
        sources[key] = sources.get(key, frozenset()) | names
    rest = [item for item in items if len(item[0]) != 1 or not isinstance(next(iter(item[0])), expression.Leaf)]
    return [*rest, *((frozenset((part,)), sources.get(_source(part), frozenset())) for part in parts)]


def _source(part: expression.Expression) -> object:
    """Equal for leaves that a disjunction makes one leaf of."""
    key = expression.merge_key(part, False) if isinstance(part, expression.Leaf) else None
    return part if key is None else key


def tests_of(branches: Iterable[Branch]) -> Iterable[expression.Expression]:
    for branch in branches:
        yield from branch.tests
        yield from tests_of(branch.children)

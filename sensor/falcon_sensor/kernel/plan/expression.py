"""Boolean expressions over atoms, kept small.

Negation stands at the leaves only, so replacing any part by true weakens the whole: that is what
makes every shortcut taken here and in `reduce` sound. Children are sets: duplicates vanish and
equal expressions are equal objects whatever the order they were built in.

    is_open_write and (container or (container and uid = 0))   ->   is_open_write and container
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from falcon_sensor.kernel.plan import atoms


class Leaf(NamedTuple):
    atom: atoms.Atom
    positive: bool = True


@dataclass(frozen=True, slots=True)
class All:
    """True without children."""

    children: frozenset[Expression]


@dataclass(frozen=True, slots=True)
class Some:
    """False without children."""

    children: frozenset[Expression]


Expression: TypeAlias = Leaf | All | Some

TRUE = All(frozenset())
FALSE = Some(frozenset())


def leaf(atom: atoms.Atom, positive: bool = True) -> Expression:
    """A leaf in canonical form: numbers are never negated (their ranges are), impossible ones are constants."""
    if isinstance(atom, atoms.Number):
        wanted = atom.ranges if positive else atoms.complement(atom.ranges)
        if wanted == atoms.ALL_NUMBERS:
            return TRUE
        return Leaf(atoms.Number(atom.fact, wanted)) if wanted else FALSE
    if isinstance(atom, atoms.Bits) and not positive and atom.mask.bit_count() <= 2:
        return bits(atom.fact, atom.mask, _submasks(atom.mask) - atom.values)
    empty = (isinstance(atom, atoms.Text) and not atom.patterns) or (
        isinstance(atom, atoms.Address) and not atom.networks
    )
    if empty:
        return FALSE if positive else TRUE
    return Leaf(atom, positive)


def opposite(expression: Expression) -> Expression:
    if isinstance(expression, Leaf):
        return leaf(expression.atom, not expression.positive)
    if isinstance(expression, All):
        return some(*map(opposite, expression.children))
    return every(*map(opposite, expression.children))


def every(*parts: Expression) -> Expression:
    """The conjunction, simplified."""
    flat: set[Expression] = set()
    for part in parts:
        if isinstance(part, All):
            flat |= part.children
        else:
            flat.add(part)
    if FALSE in flat:
        return FALSE
    flat = _merged(flat, conjunction=True)
    if FALSE in flat:
        return FALSE
    return _settled(flat, conjunction=True)


def some(*parts: Expression) -> Expression:
    """The disjunction, simplified."""
    flat: set[Expression] = set()
    for part in parts:
        if isinstance(part, Some):
            flat |= part.children
        else:
            flat.add(part)
    if TRUE in flat:
        return TRUE
    flat = _merged(flat, conjunction=False)
    if TRUE in flat:
        return TRUE
    return _settled(flat, conjunction=False)


def _merged(parts: set[Expression], *, conjunction: bool) -> set[Expression]:
    """Leaves about the same thing become one where their combination is one atom again."""
    if len(parts) < 2:
        return parts
    groups: dict[object, list[Leaf]] = {}
    for part in parts:
        if isinstance(part, Leaf):
            key = merge_key(part, conjunction)
            if key is not None:
                groups.setdefault(key, []).append(part)
    for group in groups.values():
        if len(group) > 1:
            parts = parts.difference(group)
            parts.add(_merge(group, conjunction))
    return parts


def merge_key(part: Leaf, conjunction: bool) -> object:
    """Leaves with equal keys have one atom for their conjunction (or disjunction); None: this one merges with none."""
    atom = part.atom
    if isinstance(atom, atoms.Number):
        return (atoms.Number, atom.fact)
    if isinstance(atom, atoms.Bits):
        return (atoms.Bits, atom.fact, atom.mask) if part.positive else None
    # "Fits one of these" or "fits none of those"; both at once has no atom of its own.
    if part.positive == conjunction:
        return None
    if isinstance(atom, atoms.Text):
        return (atoms.Text, atom.subject, part.positive)
    return (atoms.Address, atom.side, part.positive)


def _merge(group: list[Leaf], conjunction: bool) -> Expression:
    first = group[0].atom
    if isinstance(first, atoms.Number):
        wanted = first.ranges
        for other in group[1:]:
            assert isinstance(other.atom, atoms.Number)
            wanted = (
                atoms.intersection(wanted, other.atom.ranges)
                if conjunction
                else atoms.ranges([*wanted, *other.atom.ranges])
            )
        return leaf(atoms.Number(first.fact, wanted))
    if isinstance(first, atoms.Bits):
        sets = [other.atom.values for other in group if isinstance(other.atom, atoms.Bits)]
        values = frozenset.intersection(*sets) if conjunction else frozenset.union(*sets)
        return bits(first.fact, first.mask, values)
    if isinstance(first, atoms.Text):
        patterns = frozenset[atoms.Pattern]().union(*(o.atom.patterns for o in group if isinstance(o.atom, atoms.Text)))
        return Leaf(atoms.Text(first.subject, patterns), group[0].positive)
    networks = frozenset[tuple[bytes, int]]().union(
        *(o.atom.networks for o in group if isinstance(o.atom, atoms.Address))
    )
    return Leaf(atoms.Address(first.side, networks), group[0].positive)


def bits(fact: str, mask: int, values: Iterable[int]) -> Expression:
    """`fact & mask` is one of `values`; constants where that is always or never so."""
    wanted = frozenset(value for value in values if value & ~mask == 0)
    if not wanted:
        return FALSE
    if len(wanted) == 1 << mask.bit_count():
        return TRUE
    return Leaf(atoms.Bits(fact, mask, wanted))


def any_bit(fact: str, mask: int) -> Expression:
    """`fact & mask` is not zero."""
    return leaf(atoms.Bits(fact, mask, frozenset((0,))), False) if mask else FALSE


def _submasks(mask: int) -> frozenset[int]:
    found = {0}
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            found |= {value | 1 << bit for value in found}
    return frozenset(found)


def _settled(flat: set[Expression], *, conjunction: bool) -> Expression:
    """Absorption, and what the leaves at hand say about the groups beside them.

    In ``a and (not a or b or c)`` the group's `not a` is false; in ``a and (a or b)`` the group is
    true. With `and` and `or` exchanged the same holds for disjunctions.
    """
    flat = flat - {TRUE if conjunction else FALSE}
    leaves = {part for part in flat if isinstance(part, Leaf)}
    if len({leaf.atom for leaf in leaves}) < len(leaves):
        return FALSE if conjunction else TRUE
    if len(leaves) == len(flat):
        return _joined(flat, conjunction)
    against = {opposite(part) for part in leaves}
    kept: set[Expression] = set(leaves)
    again = False
    for part in flat - leaves:
        assert not isinstance(part, Leaf)
        if part.children & leaves:
            continue
        left = part.children - against
        if left != part.children:
            again = True
            kept.add((some if conjunction else every)(*left))
        else:
            kept.add(part)
    if again:
        return (every if conjunction else some)(*kept)
    kept -= _absorbed([part for part in kept if not isinstance(part, Leaf)])
    return _joined(kept, conjunction)


def _joined(parts: set[Expression], conjunction: bool) -> Expression:
    if len(parts) == 1:
        return next(iter(parts))
    return All(frozenset(parts)) if conjunction else Some(frozenset(parts))


def _absorbed(groups: Sequence[All | Some]) -> set[Expression]:
    """Groups that contain all children of a smaller one: `(a and b) or (a and b and c)`."""
    # Each kept group is filed under one of its children, so that only groups sharing it are compared.
    filed: dict[Expression, list[frozenset[Expression]]] = {}
    absorbed: set[Expression] = set()
    for group in sorted(groups, key=lambda group: len(group.children)):
        if any(small <= group.children for child in group.children for small in filed.get(child, ())):
            absorbed.add(group)
        elif group.children:
            filed.setdefault(next(iter(group.children)), []).append(group.children)
    return absorbed


class Replacement:
    """Expressions with every leaf replaced by what `change` gives for it; parts that occur again are done once."""

    def __init__(self, change: Callable[[Leaf], Expression]) -> None:
        self._change = change
        self._done: dict[Expression, Expression] = {}

    def __call__(self, part: Expression) -> Expression:
        found = self._done.get(part)
        if found is None:
            found = self._done[part] = self._change(part) if isinstance(part, Leaf) else self._group(part)
        return found

    def _group(self, part: All | Some) -> Expression:
        conjunction = isinstance(part, All)
        neutral = TRUE if conjunction else FALSE
        kept, changed = set[Expression](), list[Expression]()
        for child in part.children:
            found = self(child)
            if found is child:
                kept.add(child)
            elif found != neutral:
                changed.append(found)
        if changed:
            return every(*kept, *changed) if conjunction else some(*kept, *changed)
        # With some children gone and none changed there is nothing new to be simplified.
        return part if len(kept) == len(part.children) else _joined(kept, conjunction)


def consistent(expression: Expression) -> Expression:
    """The same, without alternatives that contradict what stands beside them.

    In ``protocol = 6 and (protocol = 17 or a)`` only `a` is left. Rules say such things by macros: "to the outside by
    anything but TCP, or by connect" and "by TCP", and the kernel need not look at a single datagram for it.
    """
    while isinstance(expression, All):
        known = {
            part.atom.fact: part.atom.ranges
            for part in expression.children
            if isinstance(part, Leaf) and isinstance(part.atom, atoms.Number)
        }
        groups = [part for part in expression.children if isinstance(part, Some)]
        assumed = Replacement(functools.partial(_assumed, known))
        changed = every(*(expression.children - set(groups)), *map(assumed, groups))
        if changed == expression:
            break
        expression = changed
    if isinstance(expression, Some):
        return some(*(consistent(part) if isinstance(part, All) else part for part in expression.children))
    return expression


def _assumed(known: Mapping[str, atoms.Ranges], part: Leaf) -> Expression:
    if not isinstance(part.atom, atoms.Number) or part.atom.fact not in known:
        return part
    both = atoms.intersection(part.atom.ranges, known[part.atom.fact])
    return FALSE if not both else TRUE if both == known[part.atom.fact] else part


def leaves(expression: Expression) -> Iterable[Leaf]:
    """Every leaf, as often as it occurs."""
    if isinstance(expression, Leaf):
        yield expression
    else:
        for child in expression.children:
            yield from leaves(child)


def size(expression: Expression) -> int:
    """Number of leaves."""
    return sum(1 for _ in leaves(expression))


@functools.lru_cache(maxsize=1 << 14)
def sort_key(expression: Expression) -> str:
    """A text that orders expressions the same way in every process: sets do not."""
    if isinstance(expression, Leaf):
        return f"{'' if expression.positive else '!'}{_atom_key(expression.atom)}"
    sign = "&" if isinstance(expression, All) else "|"
    return f"({sign.join(sorted(map(sort_key, expression.children)))})"


def _atom_key(atom: atoms.Atom) -> str:
    if isinstance(atom, atoms.Text):
        return f"{atom.subject:02}{sorted(atom.patterns)}"
    if isinstance(atom, atoms.Bits):
        return f"{atom.fact}{atom.mask}{sorted(atom.values)}"
    if isinstance(atom, atoms.Address):
        return f"{atom.side}{sorted(atom.networks)}"
    return f"{atom.fact}{atom.ranges}"

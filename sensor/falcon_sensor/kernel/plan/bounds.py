"""What keeps a filter within bounds whatever the rules are: bits of the automata, leaves of the C text.

Every step weakens, never strengthens: a part becomes true, or a positive text test gets more
patterns (the tests of one group share a bit, and "one of the group fits" answers for each).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from falcon_sensor.kernel.plan import atoms, clauses, expression

MOST_LEAVES = 2000
"""Leaves of one event type's filter. At up to ten instructions each (and three stages) this stays below the 32,767
instructions that a branch can jump over."""


def weakened(condition: expression.Expression, most: int) -> expression.Expression:
    """The condition with at most `most` leaves: a conjunction loses its largest parts, alternatives go as a whole."""
    if expression.size(condition) <= most:
        return condition
    if isinstance(condition, expression.All):
        kept: list[expression.Expression] = []
        room = most
        for part in sorted(condition.children, key=expression.size):
            size = expression.size(part)
            if size > room:
                break
            kept.append(part)
            room -= size
        return expression.All(frozenset(kept)) if len(kept) != 1 else kept[0]
    return expression.TRUE


def bounded(given: clauses.Clauses, most: int = MOST_LEAVES) -> clauses.Clauses:
    """Clauses with together at most `most` leaves; each clause is cut to an ever smaller share until it fits."""
    share = most
    while sum(map(expression.size, given)) > most:
        share //= 4
        found: dict[expression.Expression, clauses.Names] = {}
        for condition, names in given.items():
            weak = weakened(condition, share)
            found[weak] = found.get(weak, frozenset()) | names
        given = clauses.absorbed(found)
    return given


Texts = dict[tuple[atoms.Text, bool], int]
"""Text tests by polarity, and how often each is needed."""


def texts_of(given: Iterable[expression.Expression], wanted: Callable[[atoms.Text], bool]) -> Texts:
    return Counter(
        (leaf.atom, leaf.positive)
        for condition in given
        for leaf in expression.leaves(condition)
        if isinstance(leaf.atom, atoms.Text) and wanted(leaf.atom)
    )


def grouping(found: Texts, most: int) -> Callable[[expression.Leaf], expression.Expression]:
    """A replacement of leaves after which at most `most` different text tests are left of those in `found`.

    The most needed ones keep a bit of their own. Of the others, negative ones become true and
    positive ones share bits with their neighbours in alphabetical order.
    """
    uses: Counter[atoms.Text] = Counter()
    for (atom, _), count in found.items():
        uses[atom] += count
    own = {atom for atom, _ in uses.most_common(most // 2)}
    rest = sorted(
        (atom for atom, positive in found if positive and atom not in own),
        key=lambda atom: (atom.subject, sorted(atom.patterns)),
    )
    # Groups hold one subject each, so one group may be short for each of the kinds.
    kinds = len({atom.subject for atom in rest})
    per_group = -(-len(rest) // max(1, most - len(own) - kinds))
    shared: dict[atoms.Text, atoms.Text] = {}
    while rest:
        first = rest[0]
        group = [atom for atom in rest[:per_group] if atom.subject is first.subject]
        rest = rest[len(group) :]
        union = frozenset[atoms.Pattern]().union(*(atom.patterns for atom in group))
        shared |= dict.fromkeys(group, atoms.Text(first.subject, union))

    def change(leaf: expression.Leaf) -> expression.Expression:
        if not isinstance(leaf.atom, atoms.Text) or (leaf.atom, leaf.positive) not in found or leaf.atom in own:
            return leaf
        return expression.Leaf(shared[leaf.atom]) if leaf.positive else expression.TRUE

    return change

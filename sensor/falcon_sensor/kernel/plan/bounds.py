"""What keeps a filter within bounds whatever the rules are: bits of the automata, leaves of the C text.

Every step weakens, never strengthens: a part becomes true, or a positive text test gets more
patterns (the tests of one group share a bit, and "one of the group fits" answers for each).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from falcon_sensor.kernel.plan import atoms, clauses, expression, stages

MOST_LEAVES = 800
"""Leaves of one filter, all stages together. Each is about five instructions and a branch, whose two sides the verifier
walks for up to a hundred instructions before it looks whether it has been there, for each of two names: this takes
a sixth of the million instructions that it is willing to walk."""


def _keep(leaf: expression.Leaf, step: int) -> bool:
    """Whether the leaf survives the first `step` steps: what refuses most events per test stays longest."""
    atom = leaf.atom
    cost = stages.cost(atom)
    if cost is stages.Cost.ANCESTORS:
        return step < 1
    if cost is stages.Cost.READ:
        is_container = isinstance(atom, atoms.Number) and atom.fact == "container"
        is_comm = isinstance(atom, atoms.Text)
        return is_container or step < (2 if is_comm and not leaf.positive else 3)
    return leaf.positive or isinstance(atom, atoms.Bits) or step < 4


_ONE_TEXT, _ONE_ENDPOINT = 5, 6
STEPS = 7
"""Then everything is wanted."""


def weakened(given: clauses.Clauses, step: int) -> clauses.Clauses:
    """The clauses after so many steps of making leaves true, each of which lets more clauses become one."""
    if step == 0:
        return given
    if step >= STEPS:
        return {expression.TRUE: frozenset[str]().union(*given.values())}
    kept = clauses.changed(given, lambda leaf: leaf if _keep(leaf, step) else expression.TRUE)
    if step < _ONE_TEXT:
        return kept
    found: dict[expression.Expression, clauses.Names] = {}
    for condition, names in kept.items():
        plain = _one_text_each(condition)
        if step >= _ONE_ENDPOINT:
            plain = _ports_alone(plain)
        found[plain] = found.get(plain, frozenset()) | names
    return clauses.absorbed(found)


def _one_text_each(condition: expression.Expression) -> expression.Expression:
    """Of a conjunction its facts and a single test of the name: such clauses merge, however many there are."""
    parts = clauses.conjuncts(condition)
    facts = [part for part in parts if isinstance(part, expression.Leaf) and not isinstance(part.atom, atoms.Text)]
    texts = [found for part in parts if (found := _text_in(part)) is not None]
    return expression.every(*facts, *(map(expression.leaf, sorted(texts, key=_reach)[:1])))


def _ports_alone(condition: expression.Expression) -> expression.Expression:
    """Without the addresses where there is a port: a thousand rules about a port and an address each become one test,
    of a thousand ports."""
    parts = clauses.conjuncts(condition)
    if not any(_is_port(part) for part in parts):
        return condition
    return expression.every(
        *(part for part in parts if not (isinstance(part, expression.Leaf) and isinstance(part.atom, atoms.Address)))
    )


def _is_port(part: expression.Expression) -> bool:
    return (
        isinstance(part, expression.Leaf)
        and isinstance(part.atom, atoms.Number)
        and part.atom.fact in ("source_port", "dest_port")
    )


def _text_in(part: expression.Expression) -> atoms.Text | None:
    """A test of a name without which `part` is not true."""
    if isinstance(part, expression.Leaf):
        return part.atom if isinstance(part.atom, atoms.Text) and part.positive else None
    found = [_text_in(child) for child in part.children]
    texts = [each for each in found if each is not None]
    if isinstance(part, expression.All):
        return min(texts, key=_reach, default=None)
    if not texts or len(texts) < len(found) or len({each.subject for each in texts}) > 1:
        return None
    return atoms.Text(texts[0].subject, frozenset[atoms.Pattern]().union(*(each.patterns for each in texts)))


def _reach(test: atoms.Text) -> tuple[int, list[atoms.Pattern]]:
    """Longer patterns fit fewer names: those come first."""
    return -min(len(pattern.text) for pattern in test.patterns), sorted(test.patterns)


def leaves_of(each: stages.Filter) -> int:
    """Leaves of all stages, as they will be printed."""
    return sum(expression.size(test) for stage in (*each.early, *each.late) for test in clauses.tests_of(stage))


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


def shortening(length: int, wanted: Callable[[atoms.Text], bool]) -> Callable[[expression.Leaf], expression.Expression]:
    """A replacement of leaves after which no pattern of theirs has more than `length` bytes; negative ones become true.

    A text that starts with a long pattern starts with the beginning of it, one that ends with it ends with the end.
    """

    def change(leaf: expression.Leaf) -> expression.Expression:
        atom = leaf.atom
        if not isinstance(atom, atoms.Text) or not wanted(atom):
            return leaf
        if all(len(pattern.text) <= length for pattern in atom.patterns):
            return leaf
        if not leaf.positive or not length:
            return expression.TRUE
        return expression.leaf(atoms.Text(atom.subject, frozenset(_cut(each, length) for each in atom.patterns)))

    return change


def _cut(pattern: atoms.Pattern, length: int) -> atoms.Pattern:
    if len(pattern.text) <= length:
        return pattern
    if pattern.end and not pattern.start:
        return atoms.Pattern(pattern.text[-length:], end=True)
    return atoms.Pattern(pattern.text[:length], pattern.start)

"""Simplifying, factoring and bounding: the first two keep the meaning, the last only ever weakens."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_sensor.kernel.plan import atoms, bounds, clauses, expression

VALUES = (-1, 0, 1, 2)
ATOMS = st.one_of(
    st.builds(
        lambda fact, values: atoms.Number(fact, atoms.ranges([(v, v) for v in values])),
        st.sampled_from(["result", "uid"]),
        st.sets(st.sampled_from(VALUES), min_size=1),
    ),
    st.builds(lambda values: atoms.Bits("flags", 3, frozenset(values)), st.sets(st.integers(0, 3), min_size=1)),
    st.builds(
        lambda texts: atoms.Text(atoms.Subject.COMM, frozenset(atoms.Pattern(text, True, True) for text in texts)),
        st.sets(st.sampled_from([b"a", b"b", b"c"]), min_size=1),
    ),
)
LEAVES = st.builds(expression.leaf, ATOMS, st.booleans())
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.frozensets(inner, max_size=4).map(expression.All), st.frozensets(inner, max_size=4).map(expression.Some)
    ),
    max_leaves=10,
)

WORLDS = [
    {"result": result, "uid": uid, "flags": flags, "comm": comm}
    for result, uid, flags, comm in itertools.product(VALUES, VALUES, range(4), (b"a", b"b", b"d"))
]


def holds(part, world):
    if isinstance(part, expression.All):
        return all(holds(child, world) for child in part.children)
    if isinstance(part, expression.Some):
        return any(holds(child, world) for child in part.children)
    atom = part.atom
    if isinstance(atom, atoms.Number):
        answer = any(low <= world[atom.fact] <= high for low, high in atom.ranges)
    elif isinstance(atom, atoms.Bits):
        answer = world[atom.fact] & atom.mask in atom.values
    else:
        answer = any(world["comm"] == pattern.text for pattern in atom.patterns)
    return answer == part.positive


def meaning(part):
    return [holds(part, world) for world in WORLDS]


def simplified(part):
    if isinstance(part, expression.Leaf):
        return part
    return (expression.every if isinstance(part, expression.All) else expression.some)(*map(simplified, part.children))


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_simplifying_keeps_the_meaning_and_does_not_grow(part):
    small = simplified(part)
    assert meaning(small) == meaning(part)
    assert expression.size(small) <= expression.size(part)


@settings(max_examples=200, deadline=None)
@given(PLAIN)
def test_the_opposite_holds_exactly_elsewhere(part):
    assert meaning(expression.opposite(simplified(part))) == [not answer for answer in meaning(part)]


@settings(max_examples=200, deadline=None)
@given(
    PLAIN, st.sampled_from([atoms.Number, atoms.Bits, atoms.Text]), st.sampled_from([expression.TRUE, expression.FALSE])
)
def test_replacing_leaves_means_the_same_as_simplifying_all_anew(part, sort, constant):
    def change(leaf):
        return constant if isinstance(leaf.atom, sort) else leaf

    def anew(part):
        if isinstance(part, expression.Leaf):
            return change(part)
        return (expression.every if isinstance(part, expression.All) else expression.some)(*map(anew, part.children))

    small = simplified(part)
    replaced = expression.Replacement(change)(small)
    assert meaning(replaced) == meaning(anew(small))
    assert not any(isinstance(leaf.atom, sort) for leaf in expression.leaves(replaced))


def branch_holds(branch, world):
    return all(holds(test, world) for test in branch.tests) and (
        not branch.children or any(branch_holds(child, world) for child in branch.children)
    )


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_dropping_contradictions_keeps_the_meaning(part):
    small = expression.consistent(simplified(part))
    assert meaning(small) == meaning(part)


def test_what_contradicts_its_surroundings_is_dropped():
    def number(fact, *values):
        return expression.leaf(atoms.Number(fact, atoms.ranges([(value, value) for value in values])))

    other = expression.some(number("protocol", 17), expression.every(number("protocol", 1), number("uid", 0)))
    assert expression.consistent(expression.every(number("protocol", 6), other)) == expression.FALSE
    either = expression.some(number("protocol", 17), number("uid", 0))
    kept = expression.every(number("protocol", 6), number("uid", 0))
    assert expression.consistent(expression.every(number("protocol", 6), either)) == kept


CLAUSES = st.lists(PLAIN.map(simplified), max_size=8).map(
    lambda parts: clauses.absorbed({part: frozenset({f"r{i}"}) for i, part in enumerate(parts)})
)


@settings(max_examples=300, deadline=None)
@given(CLAUSES, st.booleans())
def test_factoring_keeps_the_meaning(given_clauses, merge):
    branches = clauses.factored(given_clauses, merge=merge)
    expected = meaning(clauses.as_expression(given_clauses))
    assert [any(branch_holds(branch, world) for branch in branches) for world in WORLDS] == expected


@settings(max_examples=200, deadline=None)
@given(CLAUSES)
def test_absorbing_keeps_every_rule_named(given_clauses):
    absorbed = clauses.absorbed(given_clauses)
    assert meaning(clauses.as_expression(absorbed)) == meaning(clauses.as_expression(given_clauses))
    named = frozenset[str]().union(*absorbed.values())
    assert named == frozenset[str]().union(*given_clauses.values())


@settings(max_examples=200, deadline=None)
@given(CLAUSES)
def test_each_step_of_weakening_only_weakens(given_clauses):
    before = meaning(clauses.as_expression(given_clauses))
    for step in range(bounds.STEPS + 1):
        weaker = bounds.weakened(given_clauses, step)
        after = meaning(clauses.as_expression(weaker))
        assert all(new or not old for old, new in zip(before, after, strict=True))
    assert set(weaker) == {expression.TRUE}


def test_rules_about_different_paths_of_one_kind_become_one_test():
    def clause(name):
        path = atoms.Text(atoms.Subject.NAME, frozenset({atoms.Pattern(name, True)}))
        return expression.every(expression.bits("open_flags", 3, (1,)), expression.leaf(path))

    branches = clauses.factored({clause(b"/a"): frozenset({"a"}), clause(b"/b"): frozenset({"b"})})
    assert len(branches) == 1
    assert not branches[0].children
    assert branches[0].rules == {"a", "b"}

"""What lint is certain of holds for every event: compared with an obvious evaluator."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rules.support import conditions as drawn
from tests.rules.support import reference

from falcon_rules import typed
from falcon_rules.cli import diff
from falcon_rules.lint import conditions, implication


@st.composite
def related(draw: st.DrawFn) -> tuple[typed.Condition, typed.Condition]:
    """Two conditions out of the same few parts: otherwise nothing would ever follow from anything."""
    parts = draw(st.lists(drawn.conditions(1), min_size=1, max_size=3))
    leaf = st.sampled_from(parts) | st.sampled_from(parts).map(typed.Negation)
    some = st.lists(leaf, min_size=1, max_size=3).map(tuple).map(typed.Some)
    made = st.lists(leaf | some, min_size=1, max_size=4).map(tuple).map(typed.All)
    return draw(made | leaf), draw(made | leaf | some)


@settings(max_examples=80, deadline=None)
@given(related(), st.lists(drawn.events(), min_size=1, max_size=5))
def test_what_is_said_to_follow_does(pair, events):
    given_, wanted = pair
    if implication.implies(given_, wanted):
        for event in events:
            assert not reference.holds(given_, event) or reference.holds(wanted, event)


@settings(max_examples=80, deadline=None)
@given(related(), st.lists(drawn.events(), min_size=1, max_size=5))
def test_what_never_or_always_holds_does_so(pair, events):
    for condition in pair:
        never, always = conditions.never(condition), conditions.always(condition)
        for event in events:
            holds = reference.holds(condition, event)
            assert not (never and holds)
            assert not (always and not holds)


@settings(max_examples=60, deadline=None)
@given(drawn.conditions(), st.randoms(use_true_random=False), st.lists(drawn.events(), min_size=1, max_size=4))
def test_another_order_is_no_other_meaning(condition, random, events):
    other = shuffled(condition, random)
    assert diff.shape(other) == diff.shape(condition)
    assert [reference.holds(other, event) for event in events] == [
        reference.holds(condition, event) for event in events
    ]


def shuffled(condition, random):
    match condition:
        case typed.All(children=children) | typed.Some(children=children):
            mixed = [shuffled(child, random) for child in children]
            random.shuffle(mixed)
            return type(condition)(tuple(mixed))
        case typed.Negation(child=child):
            return typed.Negation(shuffled(child, random))
    return condition

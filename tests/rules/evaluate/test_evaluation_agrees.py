"""The generated functions mean what the conditions say: compared with an obvious evaluator."""

from __future__ import annotations

import collections

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rules.support import conditions, reference

from falcon_rules import evaluate, typed
from falcon_rules.compiler import event_types, fold


def resolver(field):
    return lambda event: event[field]


@settings(max_examples=150, deadline=None)
@given(conditions.conditions(), st.lists(conditions.events(), min_size=1, max_size=4))
def test_a_condition_is_evaluated_as_it_is_meant(condition, events):
    holds = evaluate.compile_condition(condition, resolver)
    assert [holds(event) for event in events] == [reference.holds(condition, event) for event in events]


@settings(max_examples=150, deadline=None)
@given(conditions.conditions(), st.lists(conditions.events(), min_size=1, max_size=4))
def test_folding_keeps_the_meaning(condition, events):
    folded = fold.fold(condition)
    for event in events:
        assert reference.holds(folded, event) == reference.holds(condition, event)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_many_rules_in_one_function_match_like_each_alone(data):
    pool = data.draw(st.lists(conditions.conditions(2), min_size=1, max_size=5))
    part = st.sampled_from(pool)
    mixed = st.lists(part | part.map(typed.Negation), min_size=1, max_size=4).map(tuple)
    rules = data.draw(st.lists(mixed.map(typed.All) | mixed.map(typed.Some), min_size=1, max_size=6))
    event = data.draw(conditions.events())
    reads: collections.Counter[typed.FieldRef] = collections.Counter()

    def counting(field):
        def read(event):
            reads[field] += 1
            return event[field]

        return read

    numbered = [(10 * index, rule) for index, rule in enumerate(rules)]
    expected = tuple(index for index, rule in numbered if reference.holds(rule, event))
    assert evaluate.compile_rules(numbered, counting, first=False)(event) == expected
    assert set(reads.values()) <= {1}
    reads.clear()
    assert evaluate.compile_rules(numbered, counting, first=True)(event) == expected[:1]
    assert set(reads.values()) <= {1}


@settings(max_examples=150, deadline=None)
@given(conditions.conditions(), conditions.events())
def test_a_condition_holds_only_for_its_event_types(condition, event):
    if reference.holds(condition, event):
        for form in (condition, fold.fold(condition)):
            types = event_types.of(form)
            assert types is None or event[conditions.EVENT_TYPE].decode() in types

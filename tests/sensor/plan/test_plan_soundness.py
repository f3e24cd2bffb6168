"""The one property of the prefilter: whenever a rule is true of an event, the filter is true of it.

Rules are judged by the sensor's own engine, on the record that the kernel would ship.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sensor.plan.support import records, worlds

from falcon_rules import bundle, typed
from falcon_sensor.engine import dispatch, event
from falcon_sensor.kernel.plan import build, interpret
from falcon_sensor.state import view

PROPERTY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Of an empty machine: no processes, no passwd, no container runtime."""
    root = tmp_path_factory.mktemp("host")
    (root / "proc").mkdir()
    return root


def raising(index, error):
    raise error


def matching(rules, facts, base, host):
    """Indexes of the rules that the engine finds true of the event."""
    state = view.State(proc=str(host / "proc"), host_root=str(host))
    record = records.record(facts, base)
    if facts.event.startswith("execve") and facts.result == 0:
        state.observe(record)
    dispatcher = dispatch.Dispatcher(rules, range(len(rules)), first=False, report=raising)
    return [hit.rule for hit in dispatcher.match(event.Session(state, b"node").next(record))]


BASES = st.sampled_from([b"", b"/etc", b"/tmp", b"/"])


@PROPERTY
@given(worlds.RULES, st.lists(st.tuples(worlds.EVENTS, BASES), min_size=1, max_size=6))
def test_what_a_rule_matches_is_wanted(host, rule, events):
    made = build.make([rule])
    for facts, base in events:
        if matching([rule], facts, base, host):
            assert interpret.wanted(made.filters, made.paths, made.comms, facts)


@PROPERTY
@given(worlds.CONDITIONS, st.lists(st.tuples(worlds.EVENTS, BASES), min_size=1, max_size=4))
def test_a_condition_or_its_negation_is_always_wanted(host, condition, events):
    """Catches what makes both sides false, whatever the engine does: a filter that loses events of either kind."""
    rules = [worlds.rule(condition), worlds.rule(typed.Negation(condition))]
    made = build.make(rules)
    for facts, base in events:
        if matching(rules, facts, base, host):
            assert interpret.wanted(made.filters, made.paths, made.comms, facts)


@PROPERTY
@given(st.lists(worlds.RULES, min_size=2, max_size=6), worlds.EVENTS, BASES)
def test_many_rules_want_what_each_alone_wants(host, rules, facts, base):
    together = build.make(rules)
    wanted = interpret.wanted(together.filters, together.paths, together.comms, facts)
    if matching(rules, facts, base, host):
        assert wanted
    for rule in rules:
        alone = build.make([rule])
        if interpret.wanted(alone.filters, alone.paths, alone.comms, facts):
            assert wanted


@PROPERTY
@given(worlds.RULES, worlds.EVENTS)
def test_a_result_that_is_not_known_yet_may_be_any(rule, facts):
    made = build.make([rule])
    known = interpret.wanted(made.filters, made.paths, made.comms, facts)
    guessing = interpret.Facts(
        **{**{n: getattr(facts, n) for n in facts.__slots__}, "result_known": False, "result": 0}
    )
    if known:
        assert interpret.wanted(made.filters, made.paths, made.comms, guessing)


def test_an_event_that_no_rule_is_for_is_not_asked_for():
    rule = worlds.rule(typed.Comparison("=", worlds.field("fd.name"), (b"/x",)), event_types=("openat",))
    plan = build.build(bundle.Bundle((rule,)))
    assert plan.events == {"openat"}
    assert not plan.failed_execs


def test_failed_execs_are_wanted_by_rules_about_the_result_only():
    named = typed.Comparison("=", worlds.field("proc.name"), (b"sh",))
    failed = typed.Comparison("startswith", worlds.field("evt.res"), (b"E",))
    for condition, wanted in ((named, False), (typed.All((named, failed)), True)):
        assert build.make([worlds.rule(condition, event_types=("execve",))]).failed_execs is wanted

"""What is said about a rule agrees with what its filter does."""

from __future__ import annotations

from hypothesis import given, settings
from tests.sensor.plan.support import worlds

from falcon_rules import typed
from falcon_sensor.kernel.plan import build, explain, interpret


def comparison(name, op, *values):
    return typed.Comparison(op, worlds.field(name), values)


NAME = comparison("fd.name", "startswith", b"/etc/")
USER = comparison("user.name", "=", b"root")
CONTAINER = comparison("container.id", "!=", b"host")


def test_each_comparison_is_decided_by_the_kernel_or_left():
    condition = typed.All((NAME, typed.Negation(USER), typed.Negation(CONTAINER)))
    (found,) = explain.explain([worlds.rule(condition, event_types=("openat",))])
    assert found.decided == ((NAME, False),)
    # "Not in a container" is not what the kernel's bit says: a service may have a mount namespace of its own.
    assert found.left == ((USER, True), (CONTAINER, True))
    assert found.in_kernel


def test_a_rule_the_kernel_knows_nothing_about_wants_everything():
    found = explain.explain([worlds.rule(USER, event_types=("openat", "connect"))])
    assert [(each.event, each.everything) for each in found] == [("openat", True), ("connect", True)]


def test_rules_that_flood_are_named():
    succeeded = comparison("evt.res", "=", b"SUCCESS")
    rules = [
        worlds.rule(USER, "everything", ("openat",)),
        worlds.rule(typed.All((USER, succeeded)), "all that succeed", ("openat",)),
        worlds.rule(NAME, "some", ("openat",)),
        worlds.rule(typed.All((USER, typed.Negation(NAME))), "all but one name", ("openat",)),
    ]
    assert explain.floods(rules) == {"openat": ("everything", "all that succeed", "all but one name")}


def test_costs_are_told_by_stage():
    filters = build.make([worlds.rule(typed.All((NAME, comparison("proc.name", "=", b"sh"))), event_types=("openat",))])
    assert explain.costs(filters.filters) == {"openat": (1, 1, 2)}


@settings(max_examples=200, deadline=None)
@given(worlds.RULES, worlds.EVENTS)
def test_a_rule_said_to_want_everything_does(rule, facts):
    made = build.make([rule])
    for each in explain.explain([rule]):
        if each.event == facts.event and each.everything:
            assert interpret.wanted(made.filters, made.paths, made.comms, facts)

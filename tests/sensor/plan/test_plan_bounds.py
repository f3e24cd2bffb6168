"""Many rules: the filter stays within its bounds, stays sound, and still refuses ordinary events."""

from __future__ import annotations

import pytest
from tests.sensor.plan.support import worlds

from falcon_rules import bundle, typed
from falcon_sensor.kernel.plan import automaton, bounds, build, cwalks, interpret


def comparison(name, op, *values):
    return typed.Comparison(op, worlds.field(name), values)


def rule(number):
    """Of four different kinds, each about a path, a process and a user of its own."""
    own = b"%d" % number
    tests = [
        (
            comparison("fd.name", "startswith", b"/data/app-%s/secrets" % own),
            typed.Negation(comparison("proc.name", "in", b"app" + own, b"backup")),
        ),
        (comparison("fd.name", "=", b"/srv/team%s/config.yaml" % own), comparison("container.id", "!=", b"host")),
        (
            comparison("fd.directory", "in", b"/opt/x" + own, b"/opt/y" + own),
            comparison("proc.pname", "=", b"svc" + own),
        ),
        (
            comparison("fd.name", "glob", b"/home/*/proj%s/*.key" % own),
            typed.Negation(comparison("proc.aname", "in", b"sshd", b"cron" + own)),
        ),
    ][number % 4]
    wanted = (comparison("evt.is_open_write", "=", True), comparison("user.uid", "=", number), *tests)
    return worlds.rule(typed.All(wanted), f"rule {number}", ("open", "openat"))


def opening(path, **more):
    return interpret.Facts("openat", result=3, name=path, path=path, open_flags=1, comm=b"tool", **more)


def matching(number):
    """An event that the rule is true of."""
    path = [
        b"/data/app-%d/secrets/x",
        b"/srv/team%d/config.yaml",
        b"/opt/y%d/x",
        b"/home/u/proj%d/a.key",
    ][number % 4] % number
    return opening(path, uid=number, container=True, ancestors=(b"svc%d" % number, b"systemd"))


@pytest.fixture(scope="module")
def made():
    return build.make([rule(number) for number in range(1500)])


def wanted(made, facts):
    return interpret.wanted(made.filters, made.paths, made.comms, facts)


def test_every_rule_still_gets_its_events(made):
    assert all(wanted(made, matching(number)) for number in range(1500))


def test_ordinary_events_are_still_refused(made):
    for path in (b"/var/lib/postgres/base/1", b"/etc/resolv.conf", b"/home/u/notes.txt", b"/tmp/x"):
        assert not wanted(made, opening(path, container=True, ancestors=(b"sh",)))
    assert not wanted(made, interpret.Facts("openat", result=3, name=b"/opt/y2/x", path=b"/opt/y2/x"))


def test_bounds_are_kept_and_what_was_weakened_is_said(made):
    assert all(bounds.leaves_of(each) <= bounds.MOST_LEAVES for each in made.filters)
    assert made.paths is not None
    assert len(made.paths.automaton.table) <= automaton.MOST_ENTRIES
    assert made.paths.words <= 4
    assert any("too many tests" in note for note in made.notes)


def test_patterns_that_need_too_many_states_are_compared_by_their_beginning(monkeypatch):
    monkeypatch.setattr(automaton, "MOST_STATES", 70)
    small = build.make([rule(number) for number in range(0, 40, 4)])
    assert any("bytes of each pattern" in note for note in small.notes)
    assert all(wanted(small, matching(number)) for number in range(0, 40, 4))
    assert not wanted(small, opening(b"/etc/resolv.conf"))


@pytest.mark.parametrize("most", [0, 3, 10, 40])
def test_a_kernel_that_takes_little_gets_a_small_filter(most):
    small = build.make([rule(number) for number in range(20)], most)
    assert all(bounds.leaves_of(each) <= most for each in small.filters)
    assert all(wanted(small, matching(number)) for number in range(20))


def test_many_rules_about_ports_and_addresses_still_refuse_ordinary_connects():
    def talking(number):
        tests = (
            comparison("fd.sport", "=", 10_000 + number),
            comparison("fd.sip", "=", bytes((192, 0, 2, number % 250))),
            typed.Negation(comparison("proc.name", "=", b"client%d" % number)),
        )
        return worlds.rule(typed.All(tests), f"rule {number}", ("connect",))

    made = build.make([talking(number) for number in range(320)])

    def connecting(port, address):
        return interpret.Facts("connect", result=0, family=2, dest_port=port, destination=address)

    assert all(wanted(made, connecting(10_000 + n, bytes((192, 0, 2, n % 250)))) for n in range(320))
    assert not wanted(made, connecting(443, bytes((127, 0, 0, 1))))


def test_when_nothing_fits_everything_is_wanted(monkeypatch):
    monkeypatch.setattr(automaton, "MOST_STATES", 2)
    nothing = build.make([rule(0)])
    assert nothing.paths is None
    assert wanted(nothing, matching(0))


def test_fifty_levels_of_a_condition_are_looked_into_and_a_thousand_do_no_harm():
    def nested(levels):
        condition = comparison("fd.name", "=", b"/x")
        for level in range(levels):
            condition = typed.Negation(typed.Some((condition, comparison("user.uid", "=", level))))
        return build.make([worlds.rule(condition, event_types=("openat",))])

    assert not wanted(nested(50), opening(b"/y", uid=49))
    assert wanted(nested(1000), opening(b"/x", uid=5000))


def test_a_name_longer_than_the_walk_is_wanted_if_the_rest_fits():
    made = build.make([worlds.rule(comparison("fd.name", "=", b"/x"), event_types=("openat",))])
    long = b"/" + b"y" * cwalks.MOST_NAME
    assert wanted(made, opening(long))
    assert not wanted(made, opening(long[:-1]))


def test_no_rules_want_nothing():
    plan = build.build(bundle.Bundle(()))
    assert plan.events == frozenset()
    assert "return 1" not in plan.filters


def test_a_rule_that_can_never_hold_costs_nothing():
    never = comparison("evt.num", "=", 0)
    made = build.make([worlds.rule(typed.All((never, comparison("fd.name", "=", b"/x"))))])
    assert made.filters == []

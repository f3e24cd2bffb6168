"""What rules cost is estimated without a bias, within its budget, and judges nothing differently."""

from __future__ import annotations

import pytest

from falcon_sensor.engine import costs


class World:
    """A clock that rules move: rule i takes i + 1 us by itself, all of them together 10 us."""

    def __init__(self, rules=30, seed=7):
        self.now = 0
        self.rules = list(range(rules))
        self.compiled = 0
        self.costs = costs.Costs(self.compile, seed, lambda: self.now)

    def compile(self, index):
        self.compiled += 1
        self.now += 1_000_000
        return lambda event: self.spend(1000 * (index + 1))

    def spend(self, nanoseconds):
        self.now += nanoseconds

    def judge(self):
        self.spend(10_000)
        return "judged"

    def run(self, records):
        """Nanoseconds for judging alone, and for all that was done."""
        begin, samples = self.now, self.costs.samples
        for _ in range(records):
            self.costs.wait -= 1
            if self.costs.wait > 0:
                self.judge()
            else:
                assert self.costs.sample(self.judge, lambda: self.rules, object) == "judged"
        assert self.costs.samples > samples
        return records * 10_000, self.now - begin


def test_each_rules_seconds_are_what_it_takes_by_itself():
    world = World()
    world.run(1_500_000)
    expected = {index: 1.5 * (index + 1) for index in world.rules}
    assert {index: pytest.approx(seconds, rel=0.4) for index, seconds in expected.items()} == world.costs.seconds
    assert sum(world.costs.seconds.values()) == pytest.approx(sum(expected.values()), rel=0.1)


def test_samples_take_less_than_a_hundredth():
    world = World()
    world.run(500_000)
    judging, everything = world.run(500_000)
    assert everything / judging < 1.01


def test_many_rules_are_not_all_kept_compiled():
    world = World(rules=2000)
    world.run(2_000_000)
    assert len(world.costs._predicates) <= costs.KEPT


def test_the_engine_judges_the_same_and_tells_seconds_by_rule(build, rule, engine_of, monkeypatch):
    monkeypatch.setattr(costs, "FIRST", 1)
    monkeypatch.setattr(costs, "LONGEST", 1)
    rules = [
        rule("shadow", "evt.type in (open, openat) and fd.name = /etc/shadow"),
        rule("slow", "evt.type in (open, openat) and fd.name glob /etc/*x*x*x"),
    ]
    judge = engine_of(*rules, rate_limit=None)
    alerts = [alert.rule for _ in range(200) for alert in judge.evaluate(build.open(b"/etc/shadow", b"/etc/shadow"))]
    assert alerts == ["shadow"] * 200
    assert judge._costs.samples > 100
    found = dict(judge.by_name())
    assert found["shadow"].matches == 200
    assert all(counters.seconds > 0 for counters in found.values())

"""What the sensor notices of itself, with a clock and parts that do as told; test_self_knowledge has real ones."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from falcon_sensor import alerts
from falcon_sensor.app import selfwatch, working
from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.pipeline import canary, troubles
from falcon_sensor.records import layout


class Probes(probes.Probes):
    """Attached, as far as anybody asks."""

    def __init__(self):
        self.gone: tuple[str, ...] = ()
        self.ring = cast(Any, SimpleNamespace(backlog=0))

    def lost(self):
        return self.gone


class World:
    def __init__(self, events=("openat",)):
        self.alerts: list[alerts.Alert] = []
        self.woken = 0
        self.answering = True
        self.probes = Probes()
        plan = contract.Plan.nothing(events) if events is not None else None
        self.working = working.Working(self.probes, cast(Any, None), plan)
        self.consumer = SimpleNamespace(records=0, last_time=0, alive=True)
        self.canary = canary.Canary(self.act)
        self.outputs: list[Any] = []
        self.now = 1000.0
        told = troubles.Troubles(self.alerts.append, "host")
        self.watch = selfwatch.Watch(
            lambda: self.working, self.consumer, self.canary, self.outputs, told, None, self.wake
        )
        self.pending: list[int] = []

    def act(self, number):
        self.pending.append(number)
        if self.answering:
            self.answer()

    def answer(self):
        for number in self.pending:
            self.consumer.records += 1
            self.consumer.last_time = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            head = SimpleNamespace(time=self.consumer.last_time, flags=layout.Flag.CANARY)
            name = b"/falcon-canary/%d" % number
            self.canary.returned(cast(Any, SimpleNamespace(head=head, blob={"name": name}.get)))
        self.pending.clear()

    def wake(self):
        self.woken += 1

    def run(self, seconds, each=lambda: None):
        for _ in range(seconds):
            self.watch.look(self.now)
            each()
            self.now += 1.0

    def told(self):
        """Rule names without what they have in common, since the last time."""
        found = [alert.rule.removeprefix("Falcon internal: ") for alert in self.alerts]
        self.alerts.clear()
        return found


@pytest.fixture
def world():
    return World()


def test_a_sensor_that_sees_itself_is_no_news(world):
    assert world.watch.blind, "nothing has come back yet"
    world.run(100)
    assert (world.told(), world.watch.blind, world.woken) == ([], "", 0)


def test_blindness_is_told_within_twelve_seconds_and_programs_are_wanted_anew(world):
    world.run(10)
    world.answering = False
    world.run(13)
    assert world.told() == ["sensor is blind"]
    assert "the kernel side sends nothing" in world.watch.blind
    assert world.woken == 1
    assert world.watch.wanted()
    assert not world.watch.wanted()


def test_it_recovers_by_itself(world):
    world.answering = False
    world.run(15)
    world.told()
    world.answering = True
    world.run(3)
    assert (world.told(), world.watch.blind) == (["sensor is blind"], "")
    assert world.watch._troubles.active() == ()


def test_programs_are_attached_ever_more_rarely_while_it_does_not_help(world):
    world.answering = False
    world.run(3600)
    assert 6 <= world.woken <= 10


def test_a_consumer_that_stands_still_is_blindness_and_one_that_is_behind_is_lag(world):
    world.run(5)
    world.answering = False
    world.probes.ring.backlog = 4096
    world.consumer.last_time = 0

    def read_something_old():
        world.consumer.records += 1000

    world.run(30, read_something_old)
    assert world.told() == ["sensor lags behind"]
    assert world.watch.blind == ""
    world.run(2)
    assert world.told() == ["sensor is blind"]
    assert "stands still" in world.watch.blind
    world.answer()
    world.probes.ring.backlog = 0
    world.answering = True
    world.run(3)
    assert sorted(world.told()) == ["sensor is blind", "sensor lags behind"]


def test_a_pause_is_told_afterwards_and_is_no_blindness(world):
    world.run(3)
    world.answering = False
    world.run(2)
    world.now += 60.0
    world.answering = True
    world.run(20)
    (alert,) = world.alerts
    assert alert.rule == "Falcon internal: sensor was paused"
    assert alert.fields["falcon.seconds"] == 61.0
    assert alert.fields["falcon.to"] - alert.fields["falcon.from"] == 61 * 10**9


def test_a_probe_that_is_gone(world):
    world.run(3)
    world.probes.gone = ("sys_exit",)
    world.run(2)
    assert world.alerts[0].fields["falcon.hooks"] == "sys_exit"
    assert world.told() == ["probe lost"]
    assert "sys_exit" in world.watch.wanted()
    world.working = working.Working(Probes(), cast(Any, None), world.working.plan)
    world.run(2)
    assert world.told() == ["probe lost"], "attached again"


def test_probes_that_are_being_taken_off_are_not_lost(world):
    world.run(3)
    world.probes.gone = ("sys_exit",)
    world.run(1)
    world.working = working.Working(Probes(), cast(Any, None), world.working.plan)
    world.run(3)
    assert world.told() == []


def test_without_rules_there_is_nothing_to_see():
    world = World(events=None)
    world.run(30)
    assert (world.told(), world.watch.blind, world.canary.answered) == ([], "", 0)
    world.working = working.Working(world.probes, cast(Any, None), contract.Plan.nothing(("openat",)))
    world.answering = False
    world.run(1)
    assert world.watch.blind
    world.answer()
    world.run(1)
    assert not world.watch.blind


def test_a_dead_output_is_told_by_name(world):
    output = SimpleNamespace(sink=SimpleNamespace(name="file"), lost=0, delivered=0, gone=False, waiting=3, own=dict)
    world.outputs.append(output)
    world.run(70)
    assert world.alerts[0].fields.items() >= {"falcon.output": "file", "falcon.waiting": 3}.items()
    assert world.told() == ["output is dead"]
    output.waiting = 0
    world.run(5)
    assert world.told() == ["output is dead"]


def test_where_only_programs_are_watched_a_program_is_started():
    world = World(events=("execve",))
    assert selfwatch.how_to_ask(world.working) is canary.How.EXEC

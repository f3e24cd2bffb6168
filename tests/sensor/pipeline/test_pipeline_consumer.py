"""The consumer's thread: every record once, in order, whatever goes wrong with one of them."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time

import pytest
from tests.sensor.support import heads

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.pipeline import canary, consumer, generation
from falcon_sensor.records import decode, layout

HEAD = heads.head(start=1)
EXEC_BODY = decode.ExecBody(0, 0, 0, 0, 0, 0, 0)
OPEN_BODY = decode.OpenBody(0, 0, 0, 0, 0)


def record(kind: layout.Kind, pid: int, *, time: int = 0, result: int = 0, wanted: bool = True) -> bytes:
    flags = int(layout.Flag.WANTED) if wanted else 0
    event = layout.EVENTS.index("execve" if kind is layout.Kind.EXEC else "openat")
    head = HEAD._replace(event=event, pid=pid, time=time, result=result, flags=flags)
    return decode.encode(kind, head, (), EXEC_BODY if kind is layout.Kind.EXEC else OPEN_BODY, {})


class Ring:
    """late: come when all that was there has been read, one after each look, and wake nobody."""

    def __init__(self):
        self.waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.event = os.eventfd(0, os.EFD_NONBLOCK)
        self.late: list[bytes] = []

    def put(self, *records: bytes):
        for data in records:
            self.waiting.put(data)
        os.eventfd_write(self.event, 1)

    def records(self):
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.event)
        while not self.waiting.empty():
            yield self.waiting.get()
        if self.late:
            self.waiting.put(self.late.pop(0))

    @property
    def backlog(self) -> int:
        return self.waiting.qsize()


class State:
    def __init__(self):
        self.observed: list[int] = []

    def observe(self, each):
        self.observed.append(each.head.pid)


class Engine:
    """One alert for each record; pid 13 is beyond it."""

    def __init__(self, state):
        self.state = state
        self.known: list[list[int]] = []

    def evaluate(self, each):
        if each.head.pid == 13:
            raise RuntimeError("thirteen")
        self.known.append(list(self.state.observed))
        return [alerts.Alert("u", each.head.pid, "r", bundle.Priority.NOTICE, "syscall", "h", (), "text")]


class Own(canary.Canary):
    """Programs started by pid 99 are answers."""

    def __init__(self):
        super().__init__()
        self.came: list[int] = []

    def returned(self, each):
        self.came.append(each.head.pid)

    def is_answer(self, each):
        return each.head.pid == 99


class Setup:
    def __init__(self):
        self.ring = Ring()
        self.state = State()
        self.engine = Engine(self.state)
        self.told: list[str] = []
        self.delivered: list[int] = []
        self.arrived = threading.Semaphore(0)
        self.own = Own()

    def deliver(self, alert):
        self.delivered.append(alert.time)
        self.arrived.release()

    def start(self):
        each = generation.Generation(self.ring, self.ring.event, self.engine)
        self.consumer = consumer.Consumer(each, self.state, self.deliver, self.told.append, None, self.own)
        self.consumer.start()
        return self.consumer

    def wait(self, count: int):
        for _ in range(count):
            assert self.arrived.acquire(timeout=10), self.told


@pytest.fixture
def setup():
    made = Setup()
    yield made
    made.consumer.stop()
    os.close(made.ring.event)


def test_a_record_becomes_an_alert_without_waiting_for_more(setup):
    setup.start()
    setup.ring.put(record(layout.Kind.OPEN, 5))
    setup.wait(1)
    assert setup.delivered == [5]


def test_records_that_wake_nobody_are_found_after_one_that_did(setup, monkeypatch):
    monkeypatch.setattr(consumer, "POLL_SECONDS", 3600.0)
    setup.ring.late = [record(layout.Kind.OPEN, pid) for pid in (6, 7)]
    setup.ring.put(record(layout.Kind.OPEN, 5))
    setup.start()
    setup.wait(3)
    assert setup.delivered == [5, 6, 7]


def test_what_is_in_the_ring_at_the_end_is_still_evaluated(setup):
    running = setup.start()
    setup.ring.put(*[record(layout.Kind.OPEN, pid) for pid in range(20, 43)])
    running.stop()
    assert setup.delivered == list(range(20, 43))
    assert running.tally.alerts == 23


def test_an_exec_is_known_to_the_state_before_it_is_evaluated(setup):
    setup.start()
    setup.ring.put(record(layout.Kind.EXEC, 7))
    setup.wait(1)
    assert setup.engine.known == [[7]]


def test_failed_execs_and_other_kinds_do_not_reach_the_process_cache(setup):
    setup.start()
    setup.ring.put(record(layout.Kind.EXEC, 7, result=-2), record(layout.Kind.OPEN, 8))
    setup.wait(2)
    assert setup.state.observed == []


def test_records_that_no_rule_wants_only_feed_the_process_cache(setup):
    running = setup.start()
    setup.ring.put(record(layout.Kind.EXEC, 7, wanted=False))
    running.stop()
    assert (setup.state.observed, setup.delivered) == ([7], [])


def test_the_sensors_own_acts_are_for_the_canary_alone(setup):
    running = setup.start()
    head = HEAD._replace(event=layout.EVENTS.index("openat"), pid=5, flags=int(layout.Flag.CANARY))
    act = decode.encode(layout.Kind.OPEN, head, (), OPEN_BODY, {"name": b"/falcon-canary/1"})
    setup.ring.put(act, record(layout.Kind.EXEC, 99), record(layout.Kind.OPEN, 6))
    running.stop()
    assert setup.own.came == [5]
    assert (setup.delivered, setup.state.observed) == ([6], [])


def test_a_record_that_breaks_the_engine_is_told_once_and_the_next_is_seen(setup):
    running = setup.start()
    bad = record(layout.Kind.OPEN, 13)
    setup.ring.put(bad, record(layout.Kind.OPEN, 1), bad, b"garbage", record(layout.Kind.OPEN, 2))
    setup.wait(2)
    running.stop()
    assert setup.delivered == [1, 2]
    assert running.failures == 3
    assert len(setup.told) == 2
    assert "RuntimeError: thirteen (test_pipeline_consumer.py:" in setup.told[0]


def test_another_generation_takes_over_without_losing_or_repeating(setup):
    running = setup.start()
    other, engine = Ring(), Engine(setup.state)
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    far = now + 10**12

    def let_finish():
        # The last record of the old programs, one of theirs after the switch, and the new programs' view of all.
        setup.ring.put(record(layout.Kind.OPEN, 2, time=now + 1), record(layout.Kind.OPEN, 3, time=far))
        other.put(*[record(layout.Kind.OPEN, pid, time=at) for pid, at in ((1, now), (2, now + 2), (3, far + 1))])

    setup.ring.put(record(layout.Kind.OPEN, 1, time=now))
    running.replace(generation.Generation(other, other.event, engine), let_finish)
    assert setup.delivered == [1, 2, 3]
    assert len(engine.known) == 1
    setup.ring.put(record(layout.Kind.OPEN, 5, time=now + 3))  # the old programs may be attached for a while
    other.put(record(layout.Kind.OPEN, 4, time=far + 2))
    setup.wait(4)
    assert setup.delivered == [1, 2, 3, 4]
    running.stop()
    os.close(other.event)

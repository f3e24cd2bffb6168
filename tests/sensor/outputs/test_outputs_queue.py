"""The queue before an output: nothing lost up to its bound, everything beyond counted and told."""

from __future__ import annotations

import os
import threading
import time

import pytest

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.outputs import base, stdout


def alert(number: int) -> alerts.Alert:
    return alerts.Alert(
        uuid="u",
        time=number,
        rule="r",
        priority=bundle.Priority.NOTICE,
        source="syscall",
        hostname="h",
        tags=(),
        output=f"alert {number}",
    )


def line(each: alerts.Alert) -> bytes:
    return each.output.encode() + b"\n"


class Recorder:
    """A sink that keeps what it gets, waits while `open` is clear and raises what `failure` holds."""

    name = "recorder"

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.busy = threading.Event()
        self.taken: list[int] = []
        self.failure: Exception | None = None
        self.reopened = threading.Event()
        self.closed = False

    def write(self, batch):
        self.busy.set()
        self.open.wait()
        if self.failure:
            raise self.failure
        self.taken += [each.time for each in batch]

    def reopen(self):
        self.reopened.set()

    def close(self):
        self.closed = True


@pytest.fixture
def told():
    return []


@pytest.fixture
def sink():
    recorder = Recorder()
    yield recorder
    recorder.open.set()


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 10 s"
        time.sleep(0.005)


def close(output, seconds=10.0):
    output.start_closing()
    return output.wait_closed(time.monotonic() + seconds)


def test_alerts_arrive_in_order_and_the_sink_is_closed_last(sink, told):
    output = base.Output(sink, 1000, told.append)
    for number in range(1000):
        output.put(alert(number))
    assert close(output)
    assert sink.taken == list(range(1000))
    assert (sink.closed, output.lost, output.delivered, told) == (True, 0, 1000, [])


def test_a_slow_sink_loses_nothing_up_to_the_bound_and_counts_beyond(sink, told):
    sink.open.clear()
    output = base.Output(sink, 10, told.append)
    output.put(alert(0))
    assert sink.busy.wait(10)  # the first one has left the queue
    for number in range(1, 14):
        output.put(alert(number))
    assert output.lost == 3
    assert told == ["recorder does not keep up; 10 alerts wait, further ones are lost for it"]
    sink.open.set()
    until(lambda: len(told) == 2)
    assert told[1] == "recorder keeps up again; 3 alerts were lost for it so far"
    assert close(output)
    assert sink.taken == list(range(11))


def test_a_blocked_sink_does_not_hold_up_the_end(sink, told):
    sink.open.clear()
    output = base.Output(sink, 10, told.append)
    output.put(alert(0))
    assert sink.busy.wait(10)
    output.put(alert(1))
    assert not close(output, seconds=0.0)
    assert output.lost == 2


def test_a_failing_sink_is_told_once_and_used_again(sink, told):
    sink.failure = OSError(28, "No space left on device")
    output = base.Output(sink, 10, told.append)
    for number in range(3):
        output.put(alert(number))
        until(lambda number=number: output.lost == number + 1)
    sink.failure = None
    output.put(alert(3))
    until(lambda: output.delivered == 1)
    assert close(output)
    assert sink.taken == [3]
    assert told == [
        "recorder: No space left on device; alerts are lost for it until this is mended",
        "recorder works again; 3 alerts were lost for it so far",
    ]


def test_a_gone_sink_gets_nothing_more_and_the_others_go_on(sink, told):
    other = Recorder()
    sink.failure = base.Gone("nobody reads it")
    outputs = base.Outputs([base.Output(each, 10, told.append) for each in (sink, other)], told.append)
    for number in range(4):
        outputs.put(alert(number))
    assert not outputs.all_gone
    outputs.close(10)
    assert other.taken == [0, 1, 2, 3]
    assert told == ["recorder: nobody reads it; it gets no more alerts", "recorder: 4 alerts were lost for it"]


def test_reopening_reaches_the_sink_without_an_alert(sink, told):
    output = base.Output(sink, 10, told.append)
    output.reopen()
    assert sink.reopened.wait(10)
    assert close(output)


def test_a_closed_standard_output_is_one_message(told):
    reader, writer = os.pipe()
    os.close(reader)
    output = base.Output(stdout.Stdout(line, writer), 10, told.append)
    for number in range(3):
        output.put(alert(number))
    assert close(output)
    os.close(writer)
    assert told == ["stdout: nobody reads it any more (broken pipe); it gets no more alerts"]
    assert output.lost == 3


def test_the_farewell_is_the_last_thing_on_standard_output(told):
    reader, writer = os.pipe()
    sink = stdout.Stdout(line, writer)
    output = base.Output(sink, 10, told.append)
    output.put(alert(1))
    sink.farewell = b"Events detected: 1\n"
    assert close(output)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b"alert 1\nEvents detected: 1\n"

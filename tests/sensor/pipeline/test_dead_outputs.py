"""An output is dead when it has something to pass on and passes nothing, whatever the reason."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from falcon_sensor.pipeline import dead


class Output:
    def __init__(self, measures=()):
        self.sink = SimpleNamespace(name="out")
        self.lost = self.delivered = self.waiting = 0
        self.gone = False
        self.measures = dict(measures)

    def own(self):
        return self.measures


@pytest.fixture
def watch():
    return dead.Watch()


def seconds_until_dead(watch, output, change=lambda output: None):
    for second in range(0, 301, 5):
        if watch.look(output, 1000.0 + second).dead is not None:
            return second
        change(output)
    return None


def test_an_output_without_alerts_is_alive(watch):
    assert seconds_until_dead(watch, Output()) is None


def test_an_output_that_keeps_up_is_alive(watch):
    def work(output):
        output.delivered += 3
        output.waiting = 2

    assert seconds_until_dead(watch, Output(), work) is None


def test_a_write_that_hangs(watch):
    output = Output()
    output.waiting = 5
    assert seconds_until_dead(watch, output) == 60
    assert watch.look(output, 1080.0)._replace(dead=None) == ("out", None, 5, 0)


def test_a_disk_that_is_full(watch):
    def lose(output):
        output.lost += 4

    assert seconds_until_dead(watch, Output(), lose) == 60
    output = Output()
    output.lost = 1000
    assert seconds_until_dead(dead.Watch(), output) is None, "what was lost before is past"


def test_nobody_reads_the_pipe_any_more(watch):
    output = Output()
    output.gone = True
    assert seconds_until_dead(watch, output) == 60


def test_a_webhook_takes_alerts_and_sends_none(watch):
    def take(output):
        output.delivered += 1
        output.measures["waiting"] += 1

    output = Output({"sent": 7, "waiting": 0})
    assert seconds_until_dead(watch, output, take) == 60
    output.measures["sent"] += 1
    assert watch.look(output, 2000.0).dead is None

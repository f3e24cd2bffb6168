"""Whoever pauses, holds, unhooks or kills a real sensor is told of."""

from __future__ import annotations

import signal
import time

import pytest
from tests.sensor.app.support import living

pytestmark = pytest.mark.kernel

BLIND, LOST, PAUSED, KILLED = (
    f"Falcon internal: {text}" for text in ("sensor is blind", "probe lost", "sensor was paused", "sensor was killed")
)


@pytest.fixture
def start(tmp_path):
    started: list[living.Living] = []

    def make(*options):
        started.append(living.Living(tmp_path, *options))
        return started[-1]

    yield make
    for each in started:
        each.kill()


def test_a_paused_sensor_tells_for_how_long_and_what_happened_meanwhile(start):
    sensor = start()
    sensor.process.send_signal(signal.SIGSTOP)
    sensor.act()
    time.sleep(3.0)  # the pause that is to be noticed
    sensor.process.send_signal(signal.SIGCONT)
    paused = sensor.until(lambda: sensor.told(PAUSED))
    assert 2.5 < paused["output_fields"]["falcon.seconds"] < 30
    assert (paused["priority"], paused["source"]) == ("Critical", "internal")
    sensor.until(lambda: sensor.told("Marked program"))


def test_a_held_consumer_is_blindness_until_it_is_let_go(start):
    sensor = start()
    with living.held(sensor.consumer()):
        blind = sensor.until(lambda: sensor.told(BLIND, "does not see its own acts"))
        assert "stands still" in blind["output"]
        sensor.act()
    sensor.until(lambda: sensor.told(BLIND, "sees its own acts again"))
    sensor.until(lambda: sensor.told("Marked program"))


def test_probes_that_are_taken_off_are_told_of_and_attached_anew(start):
    sensor = start()
    sensor.process.send_signal(signal.SIGUSR2)
    lost = sensor.until(lambda: sensor.told(LOST, "took programs"))
    assert "sys_exit" in lost["output_fields"]["falcon.hooks"]
    sensor.until(lambda: any("attached anew" in line for line in sensor.said))
    sensor.act()
    sensor.until(lambda: sensor.told("Marked program"))
    sensor.until(lambda: sensor.told(LOST, "attached again"))


def test_after_a_killed_sensor_the_next_one_tells_and_after_one_that_ended_it_does_not_say_so(start, tmp_path):
    options = ("-o", f"heartbeat_file={tmp_path / 'alive'}")
    first = start(*options)
    first.until((tmp_path / "alive").exists)
    first.kill()
    second = start(*options)
    killed = second.until(lambda: second.told(KILLED))
    assert "nobody watched from" in killed["output"]
    second.end()
    third = start(*options)
    third.until(lambda: third.told("Falcon internal: sensor was stopped", "ended in order"))
    assert not third.told(KILLED)

"""A call that io_uring has under way while the programs change hands is not lost."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from falcon_sensor.kernel import hashmap, inheritance, probes
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

RING = 1 << 20


def pending(loaded):
    return hashmap.HashMap(loaded.maps[inheritance.TABLE])


def until_pending(loaded):
    deadline = time.monotonic() + 20
    while not pending(loaded).keys():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opens(loaded, under_way):
    records = map(decode.Record, loaded.ring.records())
    ours = [each for each in records if each.head.pid == under_way.process.pid and each.kind is layout.Kind.OPEN]
    return [each for each in ours if each.blob("name") == under_way.path]


@pytest.fixture
def waiting(actor, tmp_path):
    """An actor whose open by io_uring waits for a writer of the pipe; `let_go` writes."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    class Waiting:
        path = bytes(fifo)

        def __init__(self):
            self.process = subprocess.Popen(
                [actor, "uring_by_worker", "1", str(fifo)], stdout=subprocess.PIPE, text=True
            )

        def let_go(self):
            with fifo.open("wb"):
                assert int(self.process.communicate()[0]) >= 0

    started = []

    def make():
        started.append(Waiting())
        return started[-1]

    yield make
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.mark.parametrize(
    ("before", "after"),
    [(("openat",), ("openat", "renameat2")), (("openat", "renameat2"), ("openat",))],
    ids=["larger", "smaller"],
)
def test_an_open_under_way_is_seen_by_the_new_programs(waiting, plan_of_actors, before, after):
    with probes.load(plan_of_actors(*before), RING) as old:
        open_under_way = waiting()
        until_pending(old)
        with probes.load(plan_of_actors(*after), RING) as new:
            assert new.inherit(old, after) == 1
            assert new.inherit(old, after) == 0, "what is there is not copied again"
            old.detach()
            open_under_way.let_go()
            (record,) = opens(new, open_under_way)
            assert record.head.flags & layout.Flag.IO_URING
            assert record.blob("path") == open_under_way.path
            assert pending(new).keys() == set()


def test_what_the_new_programs_do_not_watch_is_left_behind(waiting, plan_of_actors):
    with probes.load(plan_of_actors("openat"), RING) as old:
        waiting()
        until_pending(old)
        with probes.load(plan_of_actors("renameat2"), RING) as new:
            assert new.inherit(old, ("renameat2",)) == 0

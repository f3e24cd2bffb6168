"""When the kernel's programs wake the reader: at once when there was peace, seldom in a row, never not at all."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from falcon_sensor.kernel import probes, ring
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import decode

pytestmark = pytest.mark.kernel

RING = 1 << 22


@pytest.fixture(scope="module")
def loaded() -> Iterator[probes.Probes]:
    with probes.load(contract.Plan.nothing(["execve"]), RING) as made:
        yield made


def test_a_record_after_a_pause_wakes_a_reader_that_is_behind(loaded: probes.Probes):
    with select.epoll() as waiting:
        waiting.register(loaded.ring_fd, select.EPOLLIN | select.EPOLLET)
        for _ in range(3):
            subprocess.run(["true"], check=True)
            # Edge-triggered: only a new wake ends this, though nothing is ever read.
            assert waiting.poll(20)
            time.sleep(2 * ring.WAKE_PAUSE_NS / 1e9)
            waiting.poll(0)


def test_who_waits_and_looks_again_gets_every_record_of_a_row(loaded: probes.Probes):
    row = subprocess.Popen(["sh", "-c", "i=0; while [ $((i += 1)) -le 300 ]; do /bin/true; done"])
    seen = 0
    while seen < 300:
        assert loaded.ring.wait(20), f"{seen} of 300 have come"
        found = [decode.Record(data) for data in loaded.ring.records()]
        seen += sum(record.ancestors[0].pid == row.pid for record in found if record.ancestors)
    assert row.wait() == 0

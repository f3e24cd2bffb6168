"""Events that no rule wants stay in the kernel, however many they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

OPENS = 200_000


def test_opens_that_nobody_wants_never_reach_the_sensor(actor: Path):
    with probes.load(contract.Plan.nothing(), 1 << 16) as loaded:
        subprocess.run([actor, "path_only", str(OPENS), "/"], stdout=subprocess.DEVNULL, check=True)
        counters = loaded.counters()[layout.Kind.OPEN]
        assert counters.seen >= OPENS
        assert (counters.records, counters.dropped, loaded.missed()) == (0, 0, 0)
        assert {decode.Record(data).kind for data in loaded.ring.records()} <= {layout.Kind.EXEC}


def test_calls_that_are_not_asked_for_are_not_even_seen(actor: Path):
    with probes.load(contract.Plan.everything(["connect"]), 1 << 22) as loaded:
        process = subprocess.Popen([actor, "path_only", "23", "/"], stdout=subprocess.DEVNULL)
        process.wait()
        assert loaded.counters()[layout.Kind.OPEN].seen == 0
        records = map(decode.Record, loaded.ring.records())
        assert {record.kind for record in records if record.head.pid == process.pid} == {layout.Kind.EXEC}


def test_the_sensor_does_not_see_its_own_opens(tmp_path: Path):
    """An alert written to a file must not be the next event; what the sensor's children do is seen."""
    mine, childs = tmp_path / "alerts.log", tmp_path / "by-child.log"
    with probes.load(contract.Plan.everything(["openat"]), 1 << 22) as loaded:
        mine.write_text("alert")
        subprocess.run(["/bin/sh", "-c", f"echo alert > {childs}"], check=True)
        paths = [decode.Record(data).blob for data in loaded.ring.records() if data[0] == layout.Kind.OPEN]
        opened = {blob("path") for blob in paths}
    assert bytes(childs) in opened
    assert bytes(mine) not in opened

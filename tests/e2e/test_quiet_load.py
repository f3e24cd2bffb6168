"""A machine under heavy, unsuspicious load: nothing is lost, nothing is told."""

from __future__ import annotations

import concurrent.futures
import re
import time

import pytest
from tests.e2e.support import sensor

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.serial]

SECONDS = 3.0
# Loose, because machines differ: the exact figure is the benchmark's business. A filter that lets
# these opens through would take the whole processor.
LARGEST_SHARE = 0.25


def test_opens_that_no_rule_wants_are_filtered_in_the_kernel(scene, tmp_path, capsys):
    file = scene.directory / "unwanted"
    file.write_text("")
    with sensor.Sensor(tmp_path, [sensor.DEFAULT_RULES], list(sensor.default_rules())) as running:
        running.settle()
        used, started = running.cpu_seconds(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            hammers = [pool.submit(scene.act, "hammer", str(SECONDS), str(file)) for _ in range(2)]
            opens = sum(int(hammer.result()) for hammer in hammers)
        elapsed = time.monotonic() - started
        share = (running.cpu_seconds() - used) / elapsed
        running.settle()
        told = running.alerts(scene.mark)
    with capsys.disabled():
        print(f"\n{opens / elapsed:,.0f} opens a second; the sensor used {share:.1%} of a processor")

    assert told == []
    assert re.search(r"event drop detected: 0 occurrences", running.summary), running.summary
    assert share < LARGEST_SHARE

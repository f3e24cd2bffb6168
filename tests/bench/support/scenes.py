"""What is measured once a sensor, beside the workloads: a flood, the start, a change of rules, memory over time."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from tests.bench.support import counters, machine, measuring, rulesets, workloads

_FILLING = 18_000
"""Programs started before memory is looked at; fewer where the steps are."""
FLOOD_OPENS = 165_000
"""A second; with as many closes the 330,000 events at which others have been measured."""


@dataclass(frozen=True, slots=True)
class Flood:
    """opens: managed a second. share: of a CPU, the sensor's, from the first open until it has caught up."""

    opens: float
    share: float
    counts: counters.Counts | None


def flood(work: workloads.Work, start: measuring.Start, seconds: float) -> Flood:
    """As much as one program can do, but no more than FLOOD_OPENS."""
    with start() as sensor:
        sensor.settle()
        before, counts = sensor.cpu_seconds(), sensor.counts()
        done = work.run("flood", FLOOD_OPENS, seconds)
        sensor.settle()
        after = sensor.counts()
        used = sensor.cpu_seconds() - before
    difference = after.since(counts) if after is not None and counts is not None else None
    return Flood(done.steps / done.wall, used / done.wall, difference)


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds to the first alert and from rules on disk to their first effect, each the first time and later.

    What earlier runs have left in caches is there the first time, too.
    """

    first: float
    later: float
    first_update: float
    later_updates: float


def starting(start: measuring.Start, rules: rulesets.Rules, times: int) -> Start:
    starts, updates = [], []
    for _ in range(times + 1):
        with start() as sensor:
            starts.append(sensor.first_alert)
            began = time.monotonic()
            rules.update()
            sensor.reload()
            sensor.act_until_seen(rules.updated, rulesets.UPDATED)
            updates.append(time.monotonic() - began)
        rules.restore()
    return Start(starts[0], statistics.median(starts[1:]), updates[0], statistics.median(updates[1:]))


@dataclass(frozen=True, slots=True)
class Soak:
    """MiB resident: once caches are full, highest of the second quarter, highest of the last; records, losses."""

    minutes: float
    begin: float
    second_quarter: float
    last_quarter: float
    counts: counters.Counts | None

    @property
    def grows(self) -> bool:
        """More than two per cent and half a MiB between the second and the last quarter: caches are full by then."""
        return self.last_quarter - self.second_quarter > max(0.5, 0.02 * self.second_quarter)


def soak(work: workloads.Work, start: measuring.Start, minutes: float, steps: int) -> Soak:
    """The processes remembered are filled first: 16,384 unless a setting says otherwise."""
    with start() as sensor:
        work.run("exec", _FILLING * steps // workloads.STEPS["mixed"] or 1)
        sensor.settle()
        samples = [sensor.resident_mib()[0]]
        before, end = sensor.counts(), time.monotonic() + minutes * 60
        told = time.monotonic()
        while time.monotonic() < end:
            work.run("mixed", steps)
            samples.append(sensor.resident_mib()[0])
            if time.monotonic() - told > 60:
                told = time.monotonic()
                machine.tell(f"{(end - told) / 60:.0f} minutes left, {samples[-1]:.1f} MiB resident")
        sensor.settle()
        samples.append(sensor.resident_mib()[0])
        after = sensor.counts()
    quarter = max(1, len(samples) // 4)
    difference = after.since(before) if after is not None and before is not None else None
    return Soak(minutes, samples[0], max(samples[quarter : 2 * quarter]), max(samples[-quarter:]), difference)

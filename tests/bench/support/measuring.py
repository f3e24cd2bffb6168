"""Workloads without a sensor and with each in turn.

round 1   none  falcon/25  falcon/250 ...      each starts, runs its slices of every workload, stops
round 2         falcon/25  falcon/250 ... none the order goes round, so that none is always first
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.support import counters, machine, sensors, workloads

Start = Callable[[], contextlib.AbstractContextManager[sensors.Sensor]]
NONE = "none"
_BACKGROUND_SECONDS = 0.3


@dataclass(slots=True)
class Runs:
    """Everything about one workload on one side.

    sensor_cpu: seconds for each slice, with what it worked off later, less what it uses for the rest of the machine.
    """

    slices: list[workloads.Slice] = field(default_factory=list)
    sensor_cpu: list[float] = field(default_factory=list)
    counts: list[counters.Counts] = field(default_factory=list)

    def median_us(self, what: str) -> float:
        """Microseconds a step by `wall` or `cpu`."""
        seconds: list[float] = [getattr(each, what) / each.steps for each in self.slices]
        return statistics.median(seconds) * 1e6

    def sensor_us(self) -> float:
        """Microseconds of the sensor's processor time a step; below 0 where the neighbours grew quieter meanwhile."""
        return (
            statistics.median(used / each.steps for used, each in zip(self.sensor_cpu, self.slices, strict=True)) * 1e6
        )

    @property
    def steps(self) -> int:
        return sum(each.steps for each in self.slices)

    @property
    def totals(self) -> counters.Counts:
        return counters.Counts(
            sum(each.events for each in self.counts),
            sum(each.shipped for each in self.counts),
            sum(each.lost for each in self.counts),
        )


@dataclass(slots=True)
class Side:
    """One side's share: by workload; MiB resident after each round, seconds to the first alert."""

    runs: dict[str, Runs] = field(default_factory=dict)
    resident: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    first_alert: list[float] = field(default_factory=list)


def measure(
    work: workloads.Work, steps: Mapping[str, int], sides: Mapping[str, Start | None], rounds: int, slices: int
) -> dict[str, Side]:
    """steps: of one slice by workload. sides: None for no sensor."""
    results = {name: Side({kind: Runs() for kind in steps}) for name in sides}
    for number in range(rounds):
        for name in _turned(list(sides), number):
            start = sides[name]
            machine.tell(f"round {number + 1} of {rounds}: {name}")
            if start is None:
                for kind, _ in _mixed(steps, slices):
                    results[name].runs[kind].slices.append(work.run(kind, steps[kind]))
                continue
            with start() as sensor:
                results[name].first_alert.append(sensor.first_alert)
                sensor.settle()
                for kind, _ in _mixed(steps, slices):
                    _slice(work, sensor, kind, steps[kind], results[name].runs[kind])
                resident, peak = sensor.resident_mib()
                results[name].resident.append(resident)
                results[name].peak.append(peak)
    return results


def _slice(work: workloads.Work, sensor: sensors.Sensor, kind: str, steps: int, into: Runs) -> None:
    background = sensor.background(_BACKGROUND_SECONDS)
    began, before, counts = time.monotonic(), sensor.cpu_seconds(), sensor.counts()
    into.slices.append(work.run(kind, steps))
    sensor.settle()
    into.sensor_cpu.append(sensor.cpu_seconds() - before - background * (time.monotonic() - began))
    after = sensor.counts()
    if after is not None and counts is not None:
        into.counts.append(after.since(counts))


def _mixed(steps: Mapping[str, int], slices: int) -> Iterator[tuple[str, int]]:
    """One slice of each workload, then the next of each."""
    for number in range(slices):
        for kind in steps:
            yield kind, number


def _turned(names: Sequence[str], by: int) -> list[str]:
    by %= len(names)
    return [*names[by:], *names[:by]]

"""Results as tables for people (Markdown, as docs/performance.md has them) and as one JSON object."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from tests.bench.support import measuring, scenes

_NONE = measuring.NONE
_WORKLOADS = (
    "workload, sensor, wall us a step, ratio, CPU us a step, ratio, added us, "
    "sensor CPU us a step, events, records, lost"
)


def workloads(sides: Mapping[str, measuring.Side]) -> str:
    """Each sensor against no sensor. Added: processor time of the workload's own,
    which neighbours change least. Sensor CPU: without what the rest of the machine gave it to do."""
    rows = []
    for kind in next(iter(sides.values())).runs:
        plain = sides[_NONE].runs[kind]
        rows.append([kind, _NONE, _us(plain.median_us("wall")), "", _us(plain.median_us("cpu")), *[""] * 6])
        for name, side in sides.items():
            if name != _NONE:
                rows.append([kind, name, *_against(plain, side.runs[kind])])
    return _table(_WORKLOADS.split(", "), rows)


def _against(plain: measuring.Runs, runs: measuring.Runs) -> list[str]:
    wall, cpu = runs.median_us("wall"), runs.median_us("cpu")
    counts = [f"{each:,}" for each in dataclasses.astuple(runs.totals)] if runs.counts else ["", "", ""]
    return [
        _us(wall),
        f"{wall / plain.median_us('wall'):.2f}",
        _us(cpu),
        f"{cpu / plain.median_us('cpu'):.2f}",
        f"{cpu - plain.median_us('cpu'):+.2f}",
        _us(runs.sensor_us()),
        *counts,
    ]


def memory(sides: Mapping[str, measuring.Side]) -> str:
    rows = [
        [name, f"{statistics.median(side.first_alert):.2f}", f"{max(side.resident):.1f}", f"{max(side.peak):.1f}"]
        for name, side in sides.items()
        if side.resident
    ]
    return _table(["sensor", "start to first alert s", "resident MiB", "peak MiB"], rows)


def floods(found: Mapping[str, scenes.Flood]) -> str:
    rows = []
    for name, each in found.items():
        counts = dataclasses.astuple(each.counts) if each.counts else ("", "", "")
        rows.append([name, f"{each.opens:,.0f}", f"{2 * each.opens:,.0f}", f"{each.share:.3f}", *map(str, counts)])
    return _table(["sensor", "opens/s", "events/s", "sensor's share of a CPU", "events", "records", "lost"], rows)


def starts(found: Mapping[str, scenes.Start]) -> str:
    rows = [[name, *(f"{seconds:.2f}" for seconds in dataclasses.astuple(each))] for name, each in found.items()]
    head = "sensor, start to first alert s, later starts s, changed rules to first effect s, later changes s"
    return _table(head.split(", "), rows)


def soaks(found: Mapping[str, scenes.Soak]) -> str:
    rows = []
    for name, each in found.items():
        counts = dataclasses.astuple(each.counts) if each.counts else ("", "", "")
        megabytes = [f"{value:.1f}" for value in (each.begin, each.second_quarter, each.last_quarter)]
        rows.append([name, f"{each.minutes:g}", *megabytes, "yes" if each.grows else "no", *map(str, counts)])
    head = "sensor, minutes, MiB at the beginning, second quarter, last quarter, grows, events, records, lost"
    return _table(head.split(", "), rows)


def plain(found: scenes.Flood | scenes.Start | scenes.Soak) -> dict[str, Any]:
    result = dataclasses.asdict(found)
    return result | {"grows": found.grows} if isinstance(found, scenes.Soak) else result


def as_json(sides: Mapping[str, measuring.Side]) -> dict[str, Any]:
    return {name: dataclasses.asdict(side) for name, side in sides.items()}


def _us(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

"""`make bench`: what a sensor costs the machine it watches, with no sensor and with ours in turn.

Results go to standard output, progress to standard error. `make bench ARGS="--only open,flood --quick"`.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.support import machine, measuring, report, rulesets, scenes, sensors, workloads

_DEFAULT_RULES = Path(__file__).parents[2] / "rules" / "default"
_SCENES = ("flood", "start")
_FLOOD_RULES = 90
"""As many as Falco's three published files have."""


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="FALCON_STABLE_RULES=FILE: rules to measure with, instead of the default ones. "
        "FALCO=PROGRAM: measures this falco, too.",
    )
    parser.add_argument("--only", default="", help=f"comma-separated: {', '.join([*workloads.STEPS, *_SCENES])}")
    parser.add_argument("--sizes", default="0,250,2500", help="numbers of rules, 0: those given and no more")
    parser.add_argument("--rounds", type=int, default=4, help="how often the sides take turns")
    parser.add_argument("--slices", type=int, default=5, help="runs of each workload a round")
    parser.add_argument("--quick", action="store_true", help="an eighth of the work, one round, the smallest size")
    parser.add_argument("--steps", type=float, default=1.0, metavar="FACTOR", help="longer or shorter slices")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only memory under mixed load for so long")
    parser.add_argument("--work-cpu", default="1", help="where workloads run, empty for anywhere")
    parser.add_argument("--sensor-cpu", default="0", help="where sensors run, empty for anywhere")
    parser.add_argument("--quiet-wait", type=float, default=60, metavar="SECONDS", help="for a quiet machine")
    parser.add_argument("--urgent", action="store_true", help="ahead of all else, where the machine is never quiet")
    parser.add_argument("--falco-counters", metavar="COMMAND", help="prints falco's total `events drops`")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return parser.parse_args(given)


class Bench:
    """One run. directory: for files of its own."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self._work = workloads.Work(directory, options.work_cpu)
        stable = os.environ.get("FALCON_STABLE_RULES")
        self._base = [Path(stable) if stable else _DEFAULT_RULES]
        self._sizes = [int(size) for size in options.sizes.split(",")][: 1 if options.quick else None]
        self._factor = options.steps / (workloads.QUICK if options.quick else 1)
        self._rounds = 1 if options.quick else options.rounds
        self._wanted = options.only.split(",") if options.only else [*workloads.STEPS, *_SCENES]
        self._texts: list[str] = []
        self.results: dict[str, Any] = {"machine": machine.describe()}

    def run(self) -> str:
        """The tables; `results` has the same and all single figures."""
        if self._options.urgent:
            machine.hurry(os.getpid())
        else:
            machine.wait_quiet(self._options.quiet_wait)
        if self._options.soak:
            self._soak()
        else:
            self._workloads()
            self._flood()
            self._start()
        return "\n".join([_facts(self.results["machine"]), *self._texts])

    @property
    def grows(self) -> bool:
        return any(each["grows"] for each in self.results.get("soak", {}).values())

    def _workloads(self) -> None:
        steps = {
            kind: max(1, int(count * self._factor)) for kind, count in workloads.STEPS.items() if kind in self._wanted
        }
        if not steps:
            return
        sides: dict[str, measuring.Start | None] = {measuring.NONE: None}
        for size in self._sizes:
            sides |= self._starts(self._rules(f"rules-{size}", size))
        found = measuring.measure(self._work, steps, sides, self._rounds, self._options.slices)
        self.results["workloads"] = report.as_json(found)
        self._texts += [report.workloads(found), report.memory(found)]

    def _flood(self) -> None:
        if "flood" not in self._wanted:
            return
        starts = self._starts(self._rules("flood", _FLOOD_RULES))
        seconds = max(0.5, 10 * self._factor)
        found = {name: scenes.flood(self._work, start, seconds) for name, start in starts.items()}
        self._add("flood", found, report.floods(found))

    def _start(self) -> None:
        if "start" not in self._wanted:
            return
        rules = self._rules("start", 0)
        found = {
            name: scenes.starting(start, rules, 5 if self._rounds > 1 else 1)
            for name, start in self._starts(rules).items()
        }
        self._add("start", found, report.starts(found))

    def _soak(self) -> None:
        steps = max(1, int(workloads.STEPS["mixed"] * self._factor))
        starts = self._starts(self._rules("soak", 0))
        found = {name: scenes.soak(self._work, start, self._options.soak, steps) for name, start in starts.items()}
        self._add("soak", found, report.soaks(found))

    def _add(self, name: str, found: dict[str, Any], text: str) -> None:
        self.results[name] = {side: report.plain(each) for side, each in found.items()}
        self._texts.append(text)

    def _rules(self, name: str, size: int) -> rulesets.Rules:
        return rulesets.Rules(self._directory / name, self._base, size)

    def _starts(self, rules: rulesets.Rules) -> dict[str, measuring.Start]:
        """Every sensor that is measured, with these rules."""
        log, cpu, hurried = self._directory / "sensor.log", self._options.sensor_cpu, self._options.urgent
        starts: dict[str, measuring.Start] = {
            f"falcon, {rules.size} rules": functools.partial(sensors.Falcon, rules, log, cpu, hurried)
        }
        if falco := os.environ.get("FALCO"):
            counters = self._options.falco_counters
            starts[f"falco, {rules.size} rules"] = functools.partial(
                sensors.Falco, falco, rules, log, cpu, hurried, counters
            )
        return starts


def _facts(about: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in about.items()) + "\n"


def main(given: Sequence[str] | None = None) -> int:
    """0; 1 when a sensor does not see or its memory grows."""
    options = _arguments(given)
    if options.urgent and os.getsid(0) != os.getpid():
        # A session of our own, which alone is put first; whoever started us waits.
        return subprocess.run(
            ["setsid", "-w", sys.executable, "-m", "tests.bench", *(given or sys.argv[1:])]
        ).returncode
    if os.geteuid() != 0:
        machine.tell("sensors load eBPF programs: run this as root")
        return 1
    with tempfile.TemporaryDirectory(prefix="falcon-bench-") as directory:
        bench = Bench(options, Path(directory))
        try:
            text = bench.run()
        except sensors.Failed as error:
            machine.tell(str(error))
            return 1
    print(json.dumps(bench.results) if options.json else text)
    return 1 if bench.grows else 0


if __name__ == "__main__":
    sys.exit(main())

"""The program that works, and what one run of it cost."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("work.c")

STEPS = {"exec": 400, "open": 60_000, "write": 400_000, "connect": 4_000, "mixed": 200}
"""Of one slice: a quarter of a second here. Many short slices in turn see the same neighbours on both sides."""
QUICK = 8
"""--quick makes slices so many times shorter."""


@dataclass(frozen=True, slots=True)
class Slice:
    """wall, cpu: seconds; the latter of the program and its children, which others on the machine change little."""

    steps: int
    wall: float
    cpu: float


class Work:
    """Compiled into this directory. cpu: where it runs, as taskset names it; None for anywhere."""

    def __init__(self, directory: Path, cpu: str | None) -> None:
        self._program = directory / "work"
        self._prefix = ["taskset", "-c", cpu] if cpu else []
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(self._program), str(_SOURCE)]
        subprocess.run(command, check=True)

    def run(self, kind: str, *arguments: float) -> Slice:
        command = [*self._prefix, str(self._program), kind, *map(str, arguments)]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return Slice(int(said[0]), float(said[1]), float(said[2]))

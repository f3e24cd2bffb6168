"""Who descends from whom, beyond what one record tells.

A record carries the eight nearest ancestors as the kernel had them at the time. What lies above
is asked of /proc, where ancestors, being alive, still are; the process cache stands in when even
they have gone since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from falcon_sensor.records import decode, layout
from falcon_sensor.state import processes, procfs

DEEPEST = 128
"""Levels followed. Real chains have some twenty; a chain made to be longer must not hold us up."""

Grouping = Callable[[procfs.Stat], int]


def session_of(stat: procfs.Stat) -> int:
    return stat.sid


def group_of(stat: procfs.Stat) -> int:
    return stat.pgid


class Lineage:
    def __init__(self, proc: procfs.Procfs, known: processes.Processes) -> None:
        self._proc = proc
        self._known = known

    def ancestors(self, record: decode.Record) -> list[decode.Ancestor]:
        """All ancestors of the record's process, parent first."""
        line = list(record.ancestors)
        while line and record.head.flags & layout.Flag.MANY_ANCESTORS and len(line) < DEEPEST:
            above = self._above(line[-1])
            if not above:
                break
            line.extend(above)
        return line[:DEEPEST]

    def leader(self, pid: int, group: Grouping) -> decode.Ancestor | None:
        """The process `pid` if it lives and leads its session (or process group)."""
        stat = self._proc.stat(pid)
        return self._proc.identity(pid) if stat is not None and group(stat) == pid else None

    def eldest(self, line: Sequence[decode.Ancestor], wanted: int, group: Grouping) -> int | None:
        """Index of the last of the ancestors, from the first up without a gap, that are in the session or group."""
        found = None
        for index, each in enumerate(line):
            stat = self._proc.stat(each.pid)
            if stat is None or stat.start != procfs.ticks(each.start) or group(stat) != wanted:
                break
            found = index
        return found

    def _above(self, process: decode.Ancestor) -> Sequence[decode.Ancestor]:
        stat = self._proc.stat(process.pid)
        if stat is None or stat.start != procfs.ticks(process.start):
            return self._known.last_ancestors(process)
        identity = self._proc.identity(stat.ppid) if stat.ppid else None
        return (identity,) if identity is not None else ()

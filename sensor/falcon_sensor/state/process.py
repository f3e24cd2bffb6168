"""A process as the engine asks about it: who it is at the time of a record, and what it runs.

`Process` is made per question and is cheap: identity comes from the record (head or ancestor
entry), everything else from the image that the cache finds on first use. Text is bytes as the
kernel had it; None means unavailable.
"""

from __future__ import annotations

from typing import Protocol

from falcon_sensor.records import decode, layout
from falcon_sensor.state import images


class Source(Protocol):
    """Where a process's further facts come from (`view.State`)."""

    def facts_of(self, process: Process) -> images.Facts | None: ...

    def cwd_of(self, process: Process) -> bytes | None: ...


class Process:
    """One process at one instant.

    pid, vpid: thread group ids in the initial and in its own pid namespace. start:
    start_boottime, ns (CLOCK_BOOTTIME; to 10 ms where it comes from /proc). comm: without
    padding, at the record's time. record, level: whose question this is: the process that caused
    the record (0) or its n-th ancestor; -1 for one that is neither (a session leader).
    """

    __slots__ = ("_facts", "_source", "comm", "level", "pid", "record", "start", "vpid")

    def __init__(self, source: Source, record: decode.Record, level: int, identity: decode.Ancestor) -> None:
        self._source = source
        self._facts: images.Facts | bool | None = False  # False: not looked for yet
        self.record = record
        self.level = level
        self.start, self.pid, self.vpid, self.comm = identity

    @property
    def identity(self) -> decode.Ancestor:
        return decode.Ancestor(self.start, self.pid, self.vpid, self.comm)

    @property
    def facts(self) -> images.Facts | None:
        """What the last exec before the record (its own, or that of the forebear it was forked from) tells."""
        facts = self._facts
        if isinstance(facts, bool):
            self._facts = facts = self._source.facts_of(self)
        return facts

    @property
    def exe(self) -> bytes | None:
        """argv[0], `proc.exe`; empty when there was no argument at all."""
        facts = self.facts
        if facts is None:
            return None
        return facts.argv[0] if facts.argv else b""

    @property
    def exepath(self) -> bytes | None:
        """Canonical path of the executable, within the process's own root, ` (deleted)` removed."""
        facts = self.facts
        return facts.exepath or None if facts is not None else None

    @property
    def args(self) -> tuple[bytes, ...] | None:
        """Arguments after argv[0]."""
        facts = self.facts
        return facts.argv[1:] if facts is not None else None

    @property
    def cmdline(self) -> bytes:
        """comm and the arguments joined by blanks; comm alone when there are none or they are unknown."""
        args = self.args
        return b" ".join((self.comm, *args)) if args else self.comm

    @property
    def exeline(self) -> bytes | None:
        """argv[0] and the arguments joined by blanks."""
        facts = self.facts
        return b" ".join(facts.argv) if facts is not None else None

    @property
    def env(self) -> tuple[bytes, ...] | None:
        """Environment as handed to exec: `NAME=value` entries, at most `layout.ENV_CAP` bytes of them."""
        facts = self.facts
        return facts.env if facts is not None else None

    def variable(self, name: bytes) -> bytes | None:
        """One environment variable; empty when unset, None when the environment is unknown."""
        env = self.env
        if env is None:
            return None
        prefix = name + b"="
        return next((entry[len(prefix) :] for entry in env if entry.startswith(prefix)), b"")

    @property
    def cwd(self) -> bytes | None:
        """Working directory with a trailing slash: at exec for an exec record, else now if it still lives."""
        path = self._source.cwd_of(self)
        return path if path is None or path.endswith(b"/") else path + b"/"

    @property
    def exe_ino(self) -> int | None:
        facts = self.facts
        return facts.body.exe_ino or None if facts is not None else None

    @property
    def exe_ctime(self) -> int | None:
        """Nanoseconds since the epoch."""
        facts = self.facts
        return facts.body.exe_ctime or None if facts is not None else None

    @property
    def exe_mtime(self) -> int | None:
        """Nanoseconds since the epoch."""
        facts = self.facts
        return facts.body.exe_mtime or None if facts is not None else None

    @property
    def exec_time(self) -> int | None:
        """When the image was started, CLOCK_BOOTTIME ns; of a process from before us its own start."""
        facts = self.facts
        return facts.time if facts is not None else None

    def has(self, flag: layout.Flag) -> bool | None:
        """One of the executable's flags (`EXE_UPPER_LAYER`, `EXE_LOWER_LAYER`, `EXE_MEMFD`, `EXE_WRITABLE`).

        None where it can't be told: of a process from before us /proc only shows whether it is a memfd.
        """
        facts = self.facts
        if facts is None or (facts.is_from_proc and flag != layout.Flag.EXE_MEMFD):
            return None
        return flag in facts.flags

"""A note on disk that the sensor lives, so that the next one can tell how long nobody watched.

Whoever kills a sensor is not seen doing what he does next, and its programs are gone. The one that
is started in its place finds the last note: when it was written, and whether that sensor ended in
order. Written into one block in place, so a write is whole or not there; not synced, for a crash of
the machine is told by the boot id anyway.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from falcon_sensor.pipeline import troubles

PERIOD_SECONDS: Final = 10.0
_BLOCK: Final = 512
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Note:
    """boot: id of the machine's start. time: ns since the epoch. ended: the sensor stopped in order then."""

    boot: str
    time: int
    ended: bool


class Heartbeat:
    """path: of the file; its directory is made. Whatever goes wrong with the file is told once by `problem`."""

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self._path = path
        self._boot = _boot_id()
        self._next = 0.0

    def before(self) -> Note | None:
        """What the sensor before us left."""
        try:
            found = json.loads(self._path.read_bytes())
            return Note(str(found["boot"]), int(found["time"]), bool(found["ended"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def tend(self, now: float) -> None:
        """Writes when it is time to. now: time.monotonic."""
        if now >= self._next:
            self._next = now + PERIOD_SECONDS
            self._write(ended=False)

    def end(self) -> None:
        self._write(ended=True)

    def _write(self, *, ended: bool) -> None:
        note = {"boot": self._boot, "time": time.time_ns(), "ended": ended}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.pwrite(descriptor, json.dumps(note).ljust(_BLOCK - 1).encode() + b"\n", 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.problem = self.problem or f"cannot write {self._path}: {error.strerror}"

    def tell(self, note: Note | None, to: troubles.Troubles, now: int) -> None:
        """What the note of the sensor before us means. now: ns since the epoch."""
        if note is None:
            return
        seconds = max(0, now - note.time) / 1e9
        span = f"from {_clock(note.time)} to {_clock(now)} ({seconds:.0f} s)"
        fields = {"falcon.seconds": round(seconds, 1), "falcon.from": note.time, "falcon.to": now}
        if note.ended:
            to.tell(troubles.Kind.STOPPED, f"It ended in order; nobody watched {span}.", seconds, **fields)
        elif note.boot != self._boot:
            to.tell(troubles.Kind.STOPPED, f"The machine was started anew; nobody watched {span}.", seconds, **fields)
        else:
            text = (
                f"It ended without a word (SIGKILL, out of memory, a fault); nobody watched {span}, "
                f"of which the first {PERIOD_SECONDS:.0f} s are uncertain."
            )
            to.tell(troubles.Kind.KILLED, text, seconds, **fields)


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT.read_text().strip()
    return ""


def _clock(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1e9))

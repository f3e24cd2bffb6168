"""The spool's files: names, positions, reading lines. Nothing here decides what is kept or dropped."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass

from falcon_sensor.outputs.webhook import buffer, framing

SUFFIX = ".alerts"
# Alerts quote command lines and file names: not for everybody's eyes.
MODE, DIRECTORY_MODE = 0o600, 0o700
_READ_BYTES = 256 << 10
"""Read at once: several hundred alerts. A longer line is read with as many bytes as it needs."""

Place = tuple[int, int]
"""Segment's number, offset behind the last byte."""


class InUse(Exception):
    """Another sensor has the directory."""


@dataclass(slots=True)
class Segment:
    """size: bytes written. alerts: those of them that still wait."""

    number: int
    size: int = 0
    alerts: int = 0


class Directory:
    """Opens or creates it, and holds its lock. Raises OSError and InUse."""

    def __init__(self, name: str) -> None:
        os.makedirs(name, DIRECTORY_MODE, exist_ok=True)
        self._fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._position = -1
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._position = os.open("position", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE, dir_fd=self._fd)
        except BlockingIOError:
            self.close()
            raise InUse from None
        except OSError:
            self.close()
            raise

    def numbers(self) -> list[int]:
        names = (name.removesuffix(SUFFIX) for name in os.listdir(self._fd) if name.endswith(SUFFIX))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def create(self, number: int, *, sync: bool) -> int:
        """A descriptor to write the segment."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        fd = os.open(_name(number), flags, MODE, dir_fd=self._fd)
        if sync:
            os.fsync(self._fd)
        return fd

    def delete(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.unlink(_name(number), dir_fd=self._fd)

    def size(self, number: int) -> int:
        return os.stat(_name(number), dir_fd=self._fd).st_size

    def lines(self, number: int, start: int, end: int) -> Iterator[tuple[int, buffer.Line | None]]:
        """Whole lines between two offsets: (offset behind it, the alert or None when it is damaged). OSError."""
        fd = os.open(_name(number), os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            wanted = _READ_BYTES
            while start < end and (data := os.pread(fd, min(wanted, end - start), start)):
                *whole, rest = data.split(b"\n")
                for text in whole:
                    start += len(text) + 1
                    parsed = framing.parse(text)
                    yield start, buffer.Line(*parsed, (number, start)) if parsed else None
                wanted = _READ_BYTES if whole else wanted * 2
                if start + len(rest) >= end:
                    return  # torn: what wrote it was killed before it was taken
        finally:
            os.close(fd)

    def position(self) -> Place:
        """(0, 0) when there is none that makes sense."""
        try:
            number, offset = os.pread(self._position, 64, 0).split()
            return int(number), int(offset)
        except (OSError, ValueError):
            return 0, 0

    def set_position(self, place: Place) -> None:
        # Always as long as before: in place, it needs no room. Without it alerts are sent twice after a
        # restart, which is no reason to stop sending them now.
        with contextlib.suppress(OSError):
            os.pwrite(self._position, b"%016d %016d\n" % place, 0)

    def close(self) -> None:
        for fd in (self._position, self._fd):
            if fd >= 0:
                os.close(fd)
        self._position = self._fd = -1


def _name(number: int) -> str:
    return f"{number:016d}{SUFFIX}"

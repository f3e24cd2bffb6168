"""Alerts appended to a file, with rotation by size.

`alerts.txt` grows to `rotate_bytes`, becomes `alerts.txt.1`, the former `.1` becomes `.2` and so
on, `rotate_keep` of them are kept. Where logrotate does that work, SIGHUP or SIGUSR1 makes the
sensor open the name anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

from falcon_sensor import alerts
from falcon_sensor.outputs import base
from falcon_sensor.settings import model

# Non-blocking so that a named pipe nobody reads is an error at the start and not a hang.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
# Alerts quote command lines and file names: not for everybody's eyes.
_MODE = 0o640


class File:
    """Opens the file at once, so that a name that cannot be written is an error at the start (OSError)."""

    def __init__(self, settings: model.FileOutput, render: Callable[[alerts.Alert], bytes]) -> None:
        self.name = f"file {settings.filename}"
        self._settings = settings
        self._render = render
        self._fd = -1
        self._size = 0
        self._open()
        self._release()

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        if self._fd < 0:
            self._open()
        limit = self._settings.rotate_bytes
        pending = bytearray()
        for alert in batch:
            line = self._render(alert)
            if limit and self._size + len(pending) + len(line) > limit and self._size + len(pending):
                self._append(bytes(pending))
                pending.clear()
                self._rotate()
            pending += line
        self._append(bytes(pending))
        self._release()

    def reopen(self) -> None:
        self._close()
        self._open()
        self._release()

    def close(self) -> None:
        if self._fd >= 0:
            # A pipe or a terminal has nothing to sync.
            with contextlib.suppress(OSError):
                os.fsync(self._fd)
        self._close()

    def _append(self, data: bytes) -> None:
        try:
            base.write_all(self._fd, data)
        except OSError:
            # A full disk cuts a line somewhere; what follows later must not continue that line.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)

    def _rotate(self) -> None:
        self._close()
        name = self._settings.filename
        for number in range(self._settings.rotate_keep, 0, -1):
            older = f"{name}.{number - 1}" if number > 1 else name
            with contextlib.suppress(FileNotFoundError):
                os.replace(older, f"{name}.{number}")
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._settings.filename, _FLAGS, _MODE)
        self._size = os.fstat(self._fd).st_size

    def _release(self) -> None:
        if not self._settings.keep_alive:
            self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

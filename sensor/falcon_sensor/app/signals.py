"""Signals of a sensor: stop (SIGINT, SIGTERM) and open files anew (SIGHUP, SIGUSR1).

While the sensor starts, a stop signal raises `Stopped` in the main thread, so that every `with`
and `finally` on the way cleans up. Once it runs, signals only wake the main thread's `wait`, and
further ones during the end change nothing: a second Ctrl-C is no traceback.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from types import FrameType

STOP = frozenset({signal.SIGINT, signal.SIGTERM})
REOPEN = frozenset({signal.SIGHUP, signal.SIGUSR1})


class Stopped(BaseException):
    """A stop signal came before the sensor was up. Like KeyboardInterrupt it is nobody's to swallow."""


class Signals:
    """Installs its handlers when made. One for a process, made and used by the main thread."""

    def __init__(self) -> None:
        self._starting = True
        self._reader, writer = socket.socketpair()
        self._reader.setblocking(False)
        writer.setblocking(False)
        self._writer = writer
        # The number arrives here whichever thread the kernel gave the signal to.
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in STOP | REOPEN:
            signal.signal(number, self._handle)

    def started(self) -> None:
        """From now on signals are for `wait`. One that came a moment ago still raises `Stopped`."""
        self._starting = False

    def ending(self) -> None:
        """From now on no signal interrupts anything."""
        self._starting = False

    def wait(self, seconds: float) -> set[signal.Signals]:
        """Signals that came, an empty set after `seconds` without any."""
        select.select([self._reader], [], [], max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            return {signal.Signals(number) for number in self._reader.recv(256)}
        return set()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._starting and number in STOP:
            self._starting = False
            raise Stopped

"""Signals of a sensor: stop (SIGINT, SIGTERM), open files anew (SIGUSR1), that and load the rules
anew (SIGHUP).

While the sensor starts, or loads rules, a stop signal raises `Stopped` in the main thread, so that
every `with` and `finally` on the way cleans up. Otherwise signals only wake the main thread's
`wait`, and further ones during the end change nothing: a second Ctrl-C is no traceback.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType

STOP = frozenset({signal.SIGINT, signal.SIGTERM})
REOPEN = frozenset({signal.SIGHUP, signal.SIGUSR1})
RELOAD = frozenset({signal.SIGHUP})


class Stopped(BaseException):
    """A stop signal came while something long was done. Like KeyboardInterrupt it is nobody's to swallow."""


class Signals:
    """Installs its handlers when made. One for a process, made and used by the main thread.

    Until `started` a stop signal raises Stopped, later only inside `interruptible`; never twice.
    """

    def __init__(self) -> None:
        self._raising = True
        self._stop = False
        self._reader, writer = socket.socketpair()
        self._reader.setblocking(False)
        writer.setblocking(False)
        self._writer = writer
        # The number arrives here whichever thread the kernel gave the signal to.
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in STOP | REOPEN:
            signal.signal(number, self._handle)

    def started(self) -> None:
        """From now on signals are for `wait`."""
        self._raising = False

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Around something long that a stop signal shall end; one that came before counts too."""
        self._raising = True
        try:
            if self._stop:
                raise Stopped
            yield
        finally:
            self._raising = False

    def wake(self) -> None:
        """Has `wait` return, from any thread."""
        with contextlib.suppress(BlockingIOError):  # full: it has enough to wake up for
            self._writer.send(b"\0")

    def wait(self, seconds: float) -> set[signal.Signals]:
        """Signals that came, an empty set after `seconds` without any."""
        select.select([self._reader], [], [], max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            return {signal.Signals(number) for number in self._reader.recv(256) if number}
        return set()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number not in STOP:
            return
        first, self._stop = not self._stop, True
        if first and self._raising:
            self._raising = False
            raise Stopped

"""One run of the program."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence

_POLL_SECONDS = (0.0005, 0.02)
"""Between looks at whether it has read everything, doubling. The kernel tells nobody when a pipe gets empty."""
_TERM_SECONDS = 0.2
"""From being asked to end to being killed, where there is no time to lose."""
_OURS = "FALCON_"
"""Settings in the environment may be secrets, and are none of the program's business."""


class Silent(Exception):
    """It read nothing, or did not end, for as long as it may."""


class Process:
    """Started when made; OSError when it cannot be. patience: seconds without any progress before Silent."""

    def __init__(self, command: Sequence[str], patience: float) -> None:
        environment = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        # What it prints is for people: our standard output has alerts and nothing else. A process group of its own:
        # Ctrl-C in the terminal is for us, and what it starts ends with it.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=2, env=environment, process_group=0)
        assert self._process.stdin is not None
        self._input = self._process.stdin
        self._fd = self._input.fileno()
        os.set_blocking(self._fd, False)
        self._patience = patience
        self._begun = 0

    def write(self, line: bytes) -> None:
        """Raises BrokenPipeError when it does not read any more, Silent."""
        view = memoryview(line)
        while view:
            try:
                done = os.write(self._fd, view)
                self._begun += done
                view = view[done:]
            except BlockingIOError:
                if not select.select([], [self._fd], [], self._patience)[1]:
                    raise Silent from None
        self._begun = 0

    def left(self) -> int:
        """Bytes of whole lines written and not read; also of one that has ended."""
        return 0 if self._input.closed else max(0, self.unread() - self._begun)

    def unread(self) -> int:
        """Bytes written and not read yet."""
        (count,) = struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0"))
        return int(count)

    def drained(self) -> int:
        """Waits until it has read everything or ended; returns what it left unread. Raises Silent."""
        pause, longest = _POLL_SECONDS
        before, since = self.unread(), time.monotonic()
        while before and self.ended is None:
            time.sleep(pause)
            pause = min(longest, pause * 2)
            now = self.unread()
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > self._patience:
                raise Silent
        # Between the two looks it may have read and ended.
        return self.unread()

    @property
    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def finish(self) -> int:
        """Nothing follows: waits for its end, returns the exit code. Raises Silent."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            return self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            raise Silent from None

    def drop(self) -> None:
        """It has ended."""
        with contextlib.suppress(OSError):
            self._input.close()

    def kill(self) -> None:
        """It and what it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self.drop()

    def end_soon(self) -> None:
        """From another thread: asks it to end, and kills it if it does not."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _TERM_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # Of one that has ended there may still be what it started.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

"""The program as the sensor's outputs see it: `write` returns when the program has taken everything.

Taken is what it ended well with, or with `keep_alive` what it has read. When it dies or hangs, what it had
not taken is given to the next run, and an alert that it fails on again and again is given up.
"""

from __future__ import annotations

import collections
import contextlib
import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence

from falcon_sensor import alerts
from falcon_sensor.outputs import backoff, base, patience, render, unconfirmed
from falcon_sensor.outputs.program import process
from falcon_sensor.settings import feeds


class Unusable(Exception):
    """The text says which setting and why."""


class Program:
    """A program that does not exist is an error at the start (Unusable). line: an alert's line."""

    def __init__(self, settings: feeds.ProgramOutput, line: render.Render, tell: base.Tell = base.say) -> None:
        self._command = _command(settings)
        # Arguments may be secrets.
        self.name = f"program {_shown(settings)}"
        self.passed = 0
        self._settings = settings
        self._line = line
        self._tell = tell
        pauses = backoff.Backoff(settings.retry.initial_seconds, settings.retry.max_seconds)
        self._patience = patience.Patience(self.name, pauses, tell)
        self._waiting: collections.deque[bytes] = collections.deque()
        self._unread = unconfirmed.Unconfirmed()
        self._failures = 0
        self._starts = self._refused = 0
        # Between the output's thread, which starts, and the one that aborts.
        self._starting = threading.Lock()
        self._aborted = False
        self._process: process.Process | None = None

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        self._waiting.extend(map(self._line, batch))
        while self._waiting or self._unread:
            self._failing(self._feed if self._settings.keep_alive else self._run)
            self.passed = len(batch) - len(self._waiting) - len(self._unread)

    def reopen(self) -> None:
        """A kept program ends, and is started anew for the next alert."""
        self.close()

    def close(self) -> None:
        if self._process is not None:
            try:
                code = self._process.finish()
                if code and not self._aborted:
                    self._tell(f"{self.name} {_ended(code)}")
            except process.Silent:
                self._tell(f"{self.name} does not end and is killed")
                self._process.kill()
            self._process = None

    def abort(self) -> None:
        with self._starting:
            self._aborted = True
            running = self._process
        self._patience.end()
        if running is not None:
            running.end_soon()

    def measures(self) -> Mapping[str, int]:
        """Sums since the start. refused: alerts given up."""
        return {"starts": self._starts, "retries": self._patience.failures, "refused": self._refused}

    def _failing(self, action: Callable[[], None]) -> None:
        """Does it, and what follows when that fails: a pause, or for the alert at fault the end."""
        first = self._waiting[0] if self._waiting else None
        try:
            action()
        except process.Silent:
            why = f"it took nothing for {self._settings.timeout_seconds:g} s and was killed"
        except BrokenPipeError:
            why = "it does not read any more"
        except _Failed as error:
            why = str(error)
        except OSError as error:
            # It cannot even be started, which is no alert's fault.
            self._give_up()
            self._patience.failed(f"cannot be started: {error.strerror or error}")
            return
        else:
            self._failures = 0
            self._patience.works()
            return
        self._give_up()
        if self._aborted:
            raise base.Gone("it was ended")
        blamed = self._waiting[0] if self._waiting else None
        self._failures = self._failures + 1 if blamed is first else 1
        if blamed is not None and self._failures >= self._settings.attempts:
            self._waiting.popleft()
            self._failures = 0
            self._refused += 1
            why += f", {self._settings.attempts} times with the same alert, which is given up"
        self._patience.failed(why)

    def _run(self) -> None:
        """A run of its own for the first alert that waits."""
        running = self._start()
        with contextlib.suppress(BrokenPipeError):  # one that needs no input may still end well
            running.write(self._waiting[0])
        if code := running.finish():
            raise _Failed(f"it {_ended(code)}")
        self._waiting.popleft()
        self._process = None

    def _feed(self) -> None:
        """Everything that waits, to one run."""
        running = self._process
        if running is not None and (code := running.ended) is not None:
            # It had read everything before, so nothing is lost.
            running.drop()
            running = self._process = None
            if code:
                self._patience.failed(f"it {_ended(code)}")
        running = running or self._start()
        while self._waiting:
            running.write(self._waiting[0])
            self._unread.add(self._waiting[0], len(self._waiting[0]))
            self._waiting.popleft()
            self._unread.settle(running.unread())
        if running.drained():
            raise _Failed(f"it {_ended(running.ended or 0)} without reading all of what it was given")
        self._unread.settle(0)

    def _start(self) -> process.Process:
        with self._starting:
            if self._aborted:
                raise base.Gone("it was ended")
            self._process = process.Process(self._command, self._settings.timeout_seconds)
        self._starts += 1
        return self._process

    def _give_up(self) -> None:
        """Of the run at hand nothing remains; what it had not read waits again."""
        running, self._process = self._process, None
        if running is not None:
            self._unread.settle(running.left())
            running.kill()
        self._waiting.extendleft(reversed(self._unread.take()))


class _Failed(Exception):
    """The program did not do well; says how it ended."""


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _command(settings: feeds.ProgramOutput) -> list[str]:
    program = settings.program
    if settings.shell:
        return ["/bin/sh", "-c", str(program)]
    words = shlex.split(program) if isinstance(program, str) else list(program)
    if not words or not words[0]:
        raise Unusable("program_output.program is empty")
    if shutil.which(words[0]) is None:
        raise Unusable(f"program_output.program: {words[0]} does not exist or cannot be run")
    return words


def _shown(settings: feeds.ProgramOutput) -> str:
    program = settings.program
    words = program.split() if isinstance(program, str) else program
    return words[0] if words else "sh"

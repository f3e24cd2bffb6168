"""What an output does while the other side does not take anything: wait, tell people why once, try again.

For sinks whose `write` returns when the other side has everything, however long that takes: the bound is the
queue before them, and what is lost there is counted and told there.
"""

from __future__ import annotations

import threading

from falcon_sensor.outputs import backoff, base

_REASONS = 8
"""Told while nothing works."""


class Patience:
    """name: of the output, for messages. failures: attempts that did not succeed, since the start."""

    def __init__(self, name: str, pauses: backoff.Backoff, tell: base.Tell) -> None:
        self.failures = 0
        self._name, self._pauses, self._tell = name, pauses, tell
        self._told: set[str] = set()
        self._ended = threading.Event()

    def failed(self, why: str) -> None:
        """Waits before the next attempt."""
        self.failures += 1
        # Another reason is worth another line: nobody listens, then somebody does whose certificate is wrong.
        if why not in self._told and len(self._told) < _REASONS:
            self._told.add(why)
            self._tell(f"{self._name}: {why}; alerts wait until it works again")
        self._ended.wait(self._pauses.failed())

    def works(self) -> None:
        self._pauses.reset()
        if self._told:
            self._told.clear()
            self._tell(f"{self._name} works again")

    def end(self) -> None:
        """From any thread: pauses end at once."""
        self._ended.set()

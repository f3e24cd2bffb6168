"""Probes whose time is over, closed by a thread of their own.

Of backends A and B the kernel takes off one program after the other and waits each time until nobody can be in it:
seconds in all, several on a busy machine. Who exchanges rules or ends must not wait for that, and nothing asks for it:
the ring of such probes is no longer read.
"""

from __future__ import annotations

from concurrent import futures

from falcon_sensor.app import idle
from falcon_sensor.kernel import probes
from falcon_sensor.outputs import base


class Retired:
    """From one thread."""

    def __init__(self) -> None:
        self._worker = futures.ThreadPoolExecutor(1, "retired")
        self._last: futures.Future[None] | None = None

    def close(self, old: probes.Probes | idle.Idle) -> None:
        """Returns at once. The process ends after the closing has."""
        self._last = self._worker.submit(old.close)

    def wait(self) -> None:
        """Until all are closed, so that sets of programs do not pile up where rules change faster than that."""
        last, self._last = self._last, None
        if last is not None and (error := last.exception()) is not None:
            base.say(f"programs no longer needed could not be taken off, please report this: {error}")

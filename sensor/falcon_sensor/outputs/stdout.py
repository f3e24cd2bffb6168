"""Alerts on standard output, one line each, and the summary behind the last one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from falcon_sensor import alerts
from falcon_sensor.outputs import base


class Stdout:
    """Writes the descriptor itself: Python's own buffer would write again at exit what failed here."""

    name = "stdout"

    def __init__(self, render: Callable[[alerts.Alert], bytes], fd: int = 1) -> None:
        self._render = render
        self._fd = fd
        self.farewell = b""
        """Written last. Set it before closing; written in this output's thread, so a reader that has
        stopped reading delays the end no longer than `output_timeout`."""
        self.complete = False
        """Everything has been written, the farewell included."""

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        self._put(b"".join(map(self._render, batch)))

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        self._put(self.farewell)
        self.complete = True

    def _put(self, data: bytes) -> None:
        try:
            base.write_all(self._fd, data)
        except BrokenPipeError:
            raise base.Gone("nobody reads it any more (broken pipe)") from None

"""Carries alerts from where they wait to the receiver, in order, one request at a time.

2xx                             the receiver has them
429, 5xx, no answer             wait (backoff, Retry-After), then the same alerts again, however often:
                                only the buffer's bounds give up on them
another 4xx, 3xx, of one alert  the receiver does not want it: kept aside, counted, the next one
               of a batch       one bad alert must not take others along: by halves, where its size or
                                content can be the reason

Emptying a spool of 20,000 alerts at full speed (2,600 requests a second on loopback) lets a thread
that waits for records, as the consumer does, begin 0.05 ms after a record at the median, 3 ms at
worst; with nothing to send it is 0.03 and 1.3 ms.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from falcon_sensor.outputs import backoff, base, transport
from falcon_sensor.outputs.webhook import buffer

_IDLE_SECONDS = 60.0
"""New alerts wake the courier, so this only bounds the harm should that ever fail."""
_CONTENT = (400, 413, 422)
"""What a receiver says when it is the alerts themselves that it cannot take."""


class Poster(Protocol):
    def post(self, alerts: Sequence[bytes]) -> transport.Answer: ...

    def reconnect(self) -> None: ...


class Keeper(Protocol):
    def keep(self, alert: bytes, status: int, answer: bytes, at: float) -> None: ...


class Courier:
    """Start it once. linger: seconds to wait for `most` alerts before fewer are sent. name: for messages."""

    def __init__(
        self,
        name: str,
        alerts: buffer.Buffer,
        poster: Poster,
        pauses: backoff.Backoff,
        *,
        most: int = 1,
        linger: float = 0.0,
        refused: Keeper | None = None,
        tell: base.Tell = base.say,
    ) -> None:
        self.counters = buffer.Counters()
        self._name, self._tell = name, tell
        self._buffer, self._poster, self._pauses, self._refused = alerts, poster, pauses, refused
        self._most, self._linger = most, linger
        self._limit = most
        self._failing = self._refusing = False
        self._told_losses = 0
        self._stop = threading.Event()
        self._reconnect = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reconnect(self) -> None:
        """From any thread: after the current request a new connection, with files as they are then."""
        self._reconnect = True

    def finish(self) -> None:
        """Sends what is there as long as the receiver takes it, then ends. Waits for that."""
        self._stop.set()
        self._buffer.finish()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                lines = self._await()
                wait = self._send(lines) if lines else None
            except OSError as error:
                wait = self._failed(f"cannot read what waits: {error.strerror or error}", None)
            except Exception as error:  # a fault of ours must not end the thread: alerts would wait for ever
                wait = self._failed(f"please report this: {type(error).__name__}: {error}", None)
            self._report_losses()
            if self._stop.is_set() and (wait is not None or not lines):
                return
            if wait is not None:
                self._stop.wait(wait)

    def _await(self) -> list[buffer.Line]:
        self._buffer.wait(0, _IDLE_SECONDS)
        lines = self._buffer.head(self._limit)
        if self._linger and lines and len(lines) < self._limit and not self._buffer.complete:
            left = self._linger - max(0.0, time.time() - lines[0].at)
            if left > 0:
                self._buffer.wait(self._limit - 1, min(left, self._linger))
                lines = self._buffer.head(self._limit)
        return lines

    def _send(self, lines: list[buffer.Line]) -> float | None:
        """Returns seconds to wait before trying again, None when there is no need to."""
        if self._reconnect:
            self._reconnect = False
            self._poster.reconnect()
        self.counters.requests += 1
        try:
            answer = self._poster.post([line.data for line in lines])
        except transport.Unreachable as error:
            return self._failed(str(error), None)
        status = answer.status
        if status == 429 or status >= 500:
            return self._failed(f"HTTP {status}", backoff.retry_after(answer.headers.get("retry-after")))
        if 200 <= status < 300:
            self._delivered(lines)
            return None
        if len(lines) > 1 and status in _CONTENT:
            self._limit = len(lines) // 2
            return None
        self._put_aside(lines, answer)
        return None

    def _delivered(self, lines: list[buffer.Line]) -> None:
        self._pauses.reset()
        self._buffer.remove(lines[-1])
        self.counters.sent += len(lines)
        # Grows again slowly: the alert that was too much may be the next one.
        self._limit = min(self._most, self._limit * 2)
        self._refusing = False
        if self._failing:
            self._failing = False
            self._tell(f"{self._name} works again")

    def _put_aside(self, lines: list[buffer.Line], answer: transport.Answer) -> None:
        self._pauses.reset()
        self.counters.refused += len(lines)
        if not self._refusing:
            moved = "; redirects are not followed, alerts must go where settings say" if answer.status < 400 else ""
            kept = " and kept aside" if self._refused is not None else ""
            self._tell(
                f"{self._name} answers HTTP {answer.status}{moved}; such alerts are counted{kept}, not sent again"
            )
            self._refusing = True
        if self._refused is not None:
            try:
                for line in lines:
                    self._refused.keep(line.data, answer.status, answer.body, time.time())
            except OSError as error:
                self._tell(f"{self._name}: refused alerts cannot be kept aside: {error.strerror or error}")
        self._buffer.remove(lines[-1])
        self._limit = min(self._most, self._limit * 2)

    def _failed(self, why: str, asked: float | None) -> float:
        self.counters.retries += 1
        if not self._failing:
            self._failing = True
            self._tell(f"{self._name}: {why}; alerts wait until it works again")
        return self._pauses.failed(asked)

    def _report_losses(self) -> None:
        losses = self._buffer.losses
        # Told when it doubles: at once when it begins, and not for every alert.
        if losses.total > self._told_losses * 2:
            self._told_losses = losses.total
            self._tell(f"{self._name}: {describe(losses)}")


def describe(losses: buffer.Losses) -> str:
    parts = [
        (losses.too_many, "were more than the spool may hold"),
        (losses.too_old, "got older than the spool may hold them"),
        (losses.damaged, "were damaged on disk"),
    ]
    return "alerts lost so far: " + ", ".join(f"{count} {why}" for count, why in parts if count)

"""How fast, and when again: token bucket, backoff with jitter, circuit breaker. Pure; time is an argument."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum

from falcon_hub.sinks import options


class Bucket:
    """A token a message. now: seconds of any clock that only moves forward."""

    def __init__(self, wanted: options.RateLimit, now: float) -> None:
        self._most = float(wanted.messages)
        self._per_second = wanted.messages / wanted.per_seconds
        self._tokens, self._at = self._most, now

    def available(self, now: float) -> int:
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        # Sums of floats miss a whole number by a little.
        return int(self._tokens + 1e-9)

    def take(self, count: int) -> None:
        self._tokens -= count

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        return 0.0 if self.available(now) else (1.0 - self._tokens) / self._per_second


class State(StrEnum):
    CLOSED = "closed"
    """works, or has not failed often"""
    OPEN = "open"
    """left alone"""
    HALF_OPEN = "half-open"
    """being tried with one message"""


class Breaker:
    """After failures in a row the receiver is left alone for a while: it gets no load, and we no timeouts."""

    def __init__(self, wanted: options.Breaker) -> None:
        self._wanted = wanted
        self.failures = 0
        self.state = State.CLOSED

    def succeeded(self) -> None:
        self.failures, self.state = 0, State.CLOSED

    def failed(self) -> float:
        """Seconds to stay away at least."""
        self.failures += 1
        if self.state is State.HALF_OPEN or self.failures >= self._wanted.failures:
            self.state = State.OPEN
            return self._wanted.pause_seconds
        return 0.0

    def try_again(self) -> None:
        """The pause is over."""
        if self.state is State.OPEN:
            self.state = State.HALF_OPEN


class Backoff:
    """Exponential with full jitter, so that many senders do not come back to a recovering receiver in step."""

    def __init__(self, wanted: options.Retry, draw: Callable[[], float] = random.random) -> None:
        self._wanted, self._draw = wanted, draw
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, asked: float | None = None) -> float:
        """Seconds to wait now. asked: what Retry-After says; jitter then comes on top."""
        ceiling = min(self._wanted.longest_seconds, self._wanted.initial_seconds * 2.0 ** min(self._failures, 32))
        self._failures += 1
        if asked is not None:
            return asked + self._draw() * min(self._wanted.initial_seconds, 1.0)
        return self._draw() * ceiling

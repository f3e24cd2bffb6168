"""How often a login may fail: for each address, and for each user's name, a bucket of failures that drains with time.

By name as well, because whoever guesses has many addresses; and a name that is being guessed waits seconds, not for
ever, so that nobody can lock others out for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_MOST_KEYS = 10_000
"""Addresses and names remembered: 1 MB. Beyond it the oldest are forgotten."""


class Failures:
    """per_minute: failures that may come at once, and as many again each minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._rate, self._clock = float(per_minute), per_minute / 60.0, clock
        self._levels: dict[str, tuple[float, float]] = {}

    def wait(self, *keys: str) -> float:
        """Seconds until all of them may try again; 0: now."""
        over = max((self._level(key) for key in keys), default=0.0) + 1 - self._most
        return max(0.0, over / self._rate)

    def failed(self, *keys: str) -> None:
        now = self._clock()
        for key in keys:
            level = self._level(key) + 1
            self._levels.pop(key, None)
            self._levels[key] = (level, now)
        while len(self._levels) > _MOST_KEYS:
            del self._levels[next(iter(self._levels))]

    def succeeded(self, key: str) -> None:
        """The user's own name is forgotten, an address is not: others may guess from there."""
        self._levels.pop(key, None)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._rate)

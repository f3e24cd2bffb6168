"""How long to wait before trying again: exponential with full jitter, so that the sensors of a whole
cluster do not come back to a recovering server in step."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable

LONGEST_RETRY_AFTER = 300.0
"""Seconds. A server may ask for patience, not for silence of hours."""


class Backoff:
    """initial, longest: seconds. draw: a number in [0, 1)."""

    def __init__(self, initial: float, longest: float, draw: Callable[[], float] = random.random) -> None:
        self._initial, self._longest, self._draw = initial, longest, draw
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def failed(self, asked: float | None = None) -> float:
        """Seconds to wait now. asked: what the server's Retry-After says; jitter then comes on top."""
        ceiling = min(self._longest, self._initial * 2.0 ** min(self._failures, 32))
        self._failures += 1
        jitter = self._draw() * ceiling
        return jitter if asked is None else min(asked, LONGEST_RETRY_AFTER) + self._draw() * self._initial


def retry_after(value: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when it says nothing usable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now())
    except (ValueError, OverflowError):
        return None

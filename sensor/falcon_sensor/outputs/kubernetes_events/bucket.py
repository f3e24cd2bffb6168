"""How many requests may go to the API server: a token bucket."""

from __future__ import annotations


class Bucket:
    """Full at the start. Times are seconds of any steady clock."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        self._refill(now)
        # Refilling in many small steps must not lose a whole token to rounding.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Seconds until there is one."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def _refill(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now if self._at is None else max(now, self._at)

"""How many alerts of one rule about one container get through.

Sits behind evaluation, never before it: limiting events would let an attacker hide a hit behind
near-misses. Each key (rule, container) has a token bucket; what it holds back is counted, told by
the key's next alert, and summed up for the end. Time is passed in (the record's own), so the same
records give the same alerts.

    limit of 10 in 10 s:  25 matches at once -> 10 alerts; the next match 3 s later -> an alert with suppressed=15
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from falcon_rules import bundle

DEFAULT_LIMIT = bundle.RateLimit(alerts=100, per_seconds=10.0)
"""A hundred at once, ten a second sustained, as the settings have it: every step of an intrusion is told one by one,
and a loop can neither flood what reads the alerts nor bury another container's or rule's."""

DEFAULT_CAPACITY = 8192
"""Keys kept: 250 rules firing in 30 containers at once, about 2 MB."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    time: int
    suppressed: int = 0


class Limiter:
    """Token buckets by (rule, container).

    When `capacity` is reached the key that was quiet longest is forgotten: its bucket is most
    likely full again, and what it held back stays in `totals`.
    """

    def __init__(self, default: bundle.RateLimit | None = DEFAULT_LIMIT, capacity: int = DEFAULT_CAPACITY) -> None:
        self._default = default
        self._capacity = capacity
        self._buckets: OrderedDict[tuple[str, bytes], _Bucket] = OrderedDict()
        self._totals: Counter[str] = Counter()

    def admit(self, rule: str, container: bytes, limit: bundle.RateLimit | None, now: int) -> int | None:
        """May this alert be told at `now` (ns, any steady clock)?

        Yes: how many of its key were held back since the last one told. No: None, and it is counted.
        `limit` None means the default; a default of None means no limit.
        """
        limit = limit or self._default
        if limit is None:
            return 0
        key = (rule, b"") if limit.key is bundle.LimitKey.RULE else (rule, container)
        bucket = self._bucket(key, limit, now)
        # Records of several CPUs may be slightly out of order: time never runs backwards for a bucket.
        elapsed = max(0, now - bucket.time)
        rate = limit.alerts / (limit.per_seconds * 1e9) if limit.per_seconds > 0 else 1.0
        bucket.tokens = min(float(limit.alerts), bucket.tokens + elapsed * rate)
        bucket.time = max(now, bucket.time)
        # Refilling in many small steps must not lose a whole token to rounding.
        if bucket.tokens < 1.0 - 1e-9:
            bucket.suppressed += 1
            self._totals[rule] += 1
            return None
        bucket.tokens -= 1.0
        told, bucket.suppressed = bucket.suppressed, 0
        return told

    def totals(self) -> dict[str, int]:
        """Held back since the start, by rule."""
        return dict(self._totals)

    def __len__(self) -> int:
        return len(self._buckets)

    def _bucket(self, key: tuple[str, bytes], limit: bundle.RateLimit, now: int) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is not None:
            self._buckets.move_to_end(key)
            return bucket
        if len(self._buckets) >= self._capacity:
            self._buckets.popitem(last=False)
        bucket = self._buckets[key] = _Bucket(float(limit.alerts), now)
        return bucket

"""Watches what the kernel could not ship because the ring was full.

A sensor that was blind for a second must say so: flooding the ring is the obvious way to hide a
deed. Once a second the kernel's counters are compared with the second before; when more than
`threshold` of the events were lost the configured actions are due, as often as a token bucket
(`rate`, `max_burst`) allows. Every such second is counted, acted upon or not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.settings import model

RULE = "Falcon internal: syscall event drop"


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the programs were attached. seen: records shipped; dropped: records the ring had no room for."""

    seen: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """Events were lost and it is time to act. Numbers of the time since the check before."""

    dropped: int
    seen: int

    @property
    def text(self) -> str:
        return (
            f"{RULE}. {self.dropped} of {self.dropped + self.seen} events were lost in the last second, because the "
            "ring buffer was full"
        )

    def alert(self, hostname: str, time: int, fields: dict[str, str | int | float | bool]) -> alerts.Alert:
        """time: ns since the epoch. fields: the static ones."""
        return alerts.Alert(
            uuid=str(uuid.uuid4()),
            time=time,
            rule=RULE,
            # From Warning up Kubernetes Events stand out, and blindness should.
            priority=bundle.Priority.WARNING,
            source="internal",
            hostname=hostname,
            tags=(),
            output=self.text,
            fields={"evt.time": time, "n_drops": self.dropped, "n_evts": self.seen, **fields},
        )


class Monitor:
    """Feed it the counters once a second."""

    def __init__(self, settings: model.EventDrops) -> None:
        self.occurrences = 0
        self.actions_taken = 0
        self._settings = settings
        self._tokens = float(settings.max_burst)
        self._last = Counters()
        self._checked: float | None = None

    def check(self, counters: Counters, now: float) -> Due | None:
        """now: seconds of a steady clock. Returns what to act upon, if anything."""
        if self._checked is not None:
            earned = (now - self._checked) * self._settings.rate
            self._tokens = min(float(self._settings.max_burst), self._tokens + earned)
        self._checked = now
        dropped, seen = counters.dropped - self._last.dropped, counters.seen - self._last.seen
        self._last = counters
        # Sums start anew when other programs took over.
        if dropped <= 0 or dropped <= self._settings.threshold * (dropped + max(0, seen)):
            return None
        self.occurrences += 1
        if self._tokens < 1.0 or set(self._settings.actions) <= {"ignore"}:
            return None
        self._tokens -= 1.0
        self.actions_taken += 1
        return Due(dropped, max(0, seen))

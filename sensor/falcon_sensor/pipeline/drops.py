"""Watches what the kernel could not ship because the ring was full.

A sensor that was blind for a second must say so: flooding the ring is the obvious way to hide a
deed. Once a second the kernel's counters are compared with the second before; when more than
`threshold` of the events were lost the configured actions are due, as often as a token bucket
(`rate`, `max_burst`) allows. Every such second is counted, acted upon or not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.settings import model

RULE = "Falcon internal: syscall event drop"


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the programs were attached. seen: records shipped; dropped: records the ring had no room for.

    by_kind: of the dropped ones, by kind of event.
    """

    seen: int = 0
    dropped: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """Events were lost and it is time to act. Numbers of the time since the check before. what: by kind, for people.
    untold: lost earlier, since the last time somebody was told.
    """

    dropped: int
    seen: int
    what: str = ""
    untold: int = 0

    @property
    def text(self) -> str:
        return (
            f"{RULE}. {self.dropped} of {self.dropped + self.seen} events were lost in the last second, because the "
            f"ring buffer was full{': ' + self.what if self.what else ''}"
            f"{f'; {self.untold} more since this was last told' if self.untold else ''}"
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
            fields={
                "evt.time": time,
                "n_drops": self.dropped,
                "n_evts": self.seen,
                **({"falcon.drops": self.what} if self.what else {}),
                **fields,
            },
        )


class Monitor:
    """Feed it the counters once a second."""

    def __init__(self, settings: model.EventDrops) -> None:
        self.occurrences = 0
        self.actions_taken = 0
        self._settings = settings
        self._tokens = float(settings.max_burst)
        self._last = Counters()
        self._untold = 0
        self._checked: float | None = None

    def check(self, counters: Counters, now: float) -> Due | None:
        """now: seconds of a steady clock. Returns what to act upon, if anything."""
        if self._checked is not None:
            earned = (now - self._checked) * self._settings.rate
            self._tokens = min(float(self._settings.max_burst), self._tokens + earned)
        self._checked = now
        dropped, seen = counters.dropped - self._last.dropped, counters.seen - self._last.seen
        before, self._last = self._last, counters
        # Sums start anew when other programs took over.
        if dropped <= 0 or dropped <= self._settings.threshold * (dropped + max(0, seen)):
            return None
        self.occurrences += 1
        self._untold += dropped
        if self._tokens < 1.0 or set(self._settings.actions) <= {"ignore"}:
            return None
        self._tokens -= 1.0
        self.actions_taken += 1
        untold, self._untold = self._untold - dropped, 0
        return Due(dropped, max(0, seen), _by_kind(before.by_kind, counters.by_kind), untold)


def _by_kind(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """``open 120, exec 3``: the most first."""
    lost = {kind: count - before.get(kind, 0) for kind, count in now.items()}
    return ", ".join(f"{kind} {count}" for kind, count in sorted(lost.items(), key=lambda each: -each[1]) if count > 0)

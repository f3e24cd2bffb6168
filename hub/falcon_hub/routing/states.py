"""How a sink is doing, for metrics and the page."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from falcon_rules import times


@dataclass(slots=True)
class Counts:
    """Sums since the hub's start. Of alerts, but for messages and failures.

    delivered: the receiver has them, alone or within a message for several; messages: how many requests' worth of
    messages that took. refused: became dead letters. skipped: not for this sink. silenced: not sent because of a
    silence. repeats: counted by grouping instead of sent. digested: told within a digest. failures: attempts that
    failed.
    """

    delivered: int = 0
    messages: int = 0
    refused: int = 0
    skipped: int = 0
    silenced: int = 0
    repeats: int = 0
    digested: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class SinkState:
    """A sink now. state: ok, idle (nothing sent yet), retrying (between two attempts), open (its receiver is left alone
    for a while), stopped (disabled).

    waiting: alerts in the store that it has not come to. lost: alerts that retention removed before. held: repeats that
    wait to be told. dead: dead letters. error: the last failure, without secrets.
    """

    name: str
    type: str
    state: str
    waiting: int
    lost: int
    held: int
    dead: int
    error: str | None
    error_ns: int | None
    success_ns: int | None
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        """For the page."""
        return {
            "name": self.name,
            "type": self.type,
            "state": self.state,
            "waiting": self.waiting,
            "lost": self.lost,
            "held": self.held,
            "dead": self.dead,
            "last_error": self.error,
            "last_error_at": None if self.error_ns is None else times.rfc3339(self.error_ns),
            "last_success": None if self.success_ns is None else times.rfc3339(self.success_ns),
            **dataclasses.asdict(self.counts),
        }

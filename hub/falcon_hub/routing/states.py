"""How a sink is doing, for metrics and the page."""

from __future__ import annotations

from dataclasses import dataclass


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
    """A sink now. state: working, waiting (between two attempts), open (its receiver is left alone for a while),
    disabled, standby (another hub on the same database sends).

    behind: alerts in the store that it has not come to. lost: alerts that retention removed before. held: repeats that
    wait to be told. dead: dead letters. error: the last failure, without secrets.
    """

    name: str
    type: str
    state: str
    behind: int
    lost: int
    held: int
    dead: int
    error: str | None
    error_ns: int | None
    success_ns: int | None
    counts: Counts

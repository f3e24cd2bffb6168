"""What comes out of the store, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from falcon_hub import alerts


class Unavailable(Exception):
    """The database cannot take or give anything now: full disk, server away. Nothing was changed; try again later."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has seen to an alert. at_ns, expires_ns: since the epoch; None: never expires."""

    who: str
    at_ns: int
    reason: str
    expires_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An alert as it lies in the store. seq: grows by commit order, never used twice. silence: id of the silence that
    covered it when it came (it is shown, not sent), or None."""

    seq: int
    alert: alerts.Alert
    received_ns: int
    silence: int | None = None
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of alerts given to `add`: how many are new, how many were there already."""

    new: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Page:
    """rows: newest first. next: give it as `before` for the following page; None: this was the last one."""

    rows: list[Stored]
    next: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Alerts from start_ns (inclusive) for the timeline's width: how many of each priority (0 to 7)."""

    start_ns: int
    counts: dict[int, int]


@dataclass(frozen=True, slots=True)
class Timeline:
    """buckets: in order of time, empty ones too. width_ns: of each."""

    width_ns: int
    buckets: list[Bucket]


@dataclass(frozen=True, slots=True)
class Top:
    """A value of a dimension and how many alerts have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that fit and come between starts_ns and expires_ns are stored and shown, but not sent.

    matchers: as a Filter's `is_`: dimension to the values it may have; all dimensions given must fit.
    """

    id: int
    matchers: dict[str, tuple[str, ...]]
    reason: str
    who: str
    starts_ns: int
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Marks:
    """What people have said. note: up to which entry of the audit log that is. alerts: uuid to the acknowledgement that
    is in force now, None: there is none any more. silences: one was made or ended."""

    note: int
    alerts: dict[str, Acknowledgement | None]
    silences: bool


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An alert that a sink's receiver refused, or that was tried too often. at_ns: when that was the last time. retry:
    somebody wants it tried once more."""

    id: int
    sink: str
    seq: int
    reason: str
    attempts: int
    at_ns: int
    alert: alerts.Alert
    retry: bool = False


@dataclass(frozen=True, slots=True)
class CursorState:
    """How far a sink is. lost: alerts that retention removed before the sink had them."""

    sink: str
    seq: int
    lost: int
    behind: int


@dataclass(frozen=True, slots=True)
class Size:
    """alerts: how many there are, about. bytes: how much disk they take, about."""

    alerts: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What retention removed. lost: sink to how many of these alerts it had not had."""

    alerts: int
    lost: dict[str, int]


@dataclass(frozen=True, slots=True)
class User:
    """password_hash: None for those who come by OpenID Connect only."""

    name: str
    role: str
    password_hash: str | None
    created_ns: int
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A login. The cookie's value is not in the store, only its hash."""

    user: str
    role: str
    csrf: str
    created_ns: int
    expires_ns: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what. id: grows; entries of the same moment are in its order. address: from where, "": by command."""

    at_ns: int
    who: str
    action: str
    detail: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    id: int = 0

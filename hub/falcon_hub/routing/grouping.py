"""Repeats counted instead of sent: the first is told at once, those within the window after it as one message.

    first  x  x  x      | window over          x  x |
    send   hold         | send "3 times"       hold | send "2 times"

A window with repeats is followed by another; one without ends it. What is held is part of the sink's durable state, so
that a restart neither loses nor repeats it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from falcon_hub import alerts
from falcon_hub.sinks import facts, options

MOST: Final = 1000
"""Windows at once. Beyond it the oldest ends early: an attacker who varies what is grouped by gains messages, which the
rate limit bounds, not memory."""
_NAMESPACE: Final = uuid.UUID("c3b1f9a4-0d0e-4c55-8c53-0f8d6b1f4a77")


@dataclass(slots=True)
class Window:
    """until_ns: wall clock, as it must mean the same after a restart. The rest is about the repeats, if any:
    how many, when the first and last happened, their uuids, and the number of the last in the store."""

    until_ns: int
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    first_uuid: str = ""
    last_uuid: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A window that ended with repeats. key: the same whenever this is told. seq: the latest of them, which the store
    has. name: for `Groups.told`."""

    key: str
    count: int
    first_ns: int
    last_ns: int
    seq: int
    name: str


class Groups:
    """The windows of one sink."""

    def __init__(self, wanted: options.Grouping) -> None:
        self._length_ns = int(wanted.seconds * 1e9)
        self._key_of = _key(wanted.by)
        self._windows: dict[str, Window] = {}

    def holds(self, alert: alerts.Alert, seq: int, now_ns: int) -> bool:
        """Takes the alert as a repeat, or opens a window for what is to be sent now."""
        key = self._key_of(alert)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = Window(now_ns + self._length_ns)
            return False
        if not window.count:
            window.first_ns, window.first_uuid = alert.time_ns, alert.uuid
        window.count += 1
        window.last_ns, window.last_uuid, window.seq = alert.time_ns, alert.uuid, seq
        return True

    def knows(self, alert: alerts.Alert) -> bool:
        """Whether it would be a repeat."""
        return self._key_of(alert) in self._windows

    def due(self, now_ns: int) -> list[Due]:
        """Windows to be told of now, in the order in which they end. Those without repeats just end."""
        over = sorted((window.until_ns, key) for key, window in self._windows.items() if window.until_ns <= now_ns)
        extra = len(self._windows) - len(over) - MOST
        if extra > 0:
            waiting = ((window.until_ns, key) for key, window in self._windows.items() if window.until_ns > now_ns)
            over += sorted(waiting)[:extra]
        found: list[Due] = []
        for _, name in over:
            window = self._windows[name]
            if not window.count:
                del self._windows[name]
                continue
            key = str(uuid.uuid5(_NAMESPACE, f"{name} {window.first_uuid} {window.last_uuid} {window.count}"))
            found.append(Due(key, window.count, window.first_ns, window.last_ns, window.seq, name))
        return found

    def told(self, due: Due, now_ns: int) -> None:
        """The next window of the same begins."""
        self._windows[due.name] = Window(now_ns + self._length_ns)

    def end(self) -> None:
        """All windows are over: repeats are not counted any more."""
        for window in self._windows.values():
            window.until_ns = 0

    def next_ns(self) -> int | None:
        """When the next window ends."""
        return min((window.until_ns for window in self._windows.values()), default=None)

    @property
    def held(self) -> int:
        """Alerts counted and not told yet."""
        return sum(window.count for window in self._windows.values())

    def dump(self) -> str:
        """All of it as text, for the store."""
        plain = {name: [each.until_ns] if not each.count else _plain(each) for name, each in self._windows.items()}
        return json.dumps(plain, separators=(",", ":"))

    def load(self, text: str) -> None:
        """What `dump` gave. A text that is none is ignored: the repeats in it are in the store and on the page."""
        try:
            self._windows = {str(name): Window(*plain) for name, plain in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError):
            self._windows = {}


def _plain(window: Window) -> list[Any]:
    """In the order of the class."""
    return [getattr(window, name) for name in Window.__slots__]


def _key(by: tuple[str, ...]) -> Callable[[alerts.Alert], str]:
    def key(alert: alerts.Alert) -> str:
        return json.dumps([_value(alert, name) for name in by], ensure_ascii=False)

    return key


def _value(alert: alerts.Alert, name: str) -> str:
    if name == "output":
        return alert.message
    if name == "priority":
        return alert.priority.label
    if name in ("rule", "source", "hostname", "namespace", "pod", "container", "image"):
        return getattr(alert, name) or ""
    return facts.value(alert.fields.get(name))

"""Points in time as text, from integer nanoseconds and never through floats.

Times of day are in the local zone of whoever asks, as Falco prints them; the ISO forms are UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

_NS: Final = 1_000_000_000


def clock(ns: int) -> str:
    """``22:13:20.123456789``, local."""
    return time.strftime("%H:%M:%S", time.localtime(ns // _NS)) + f".{ns % _NS:09}"


def _clock_seconds(ns: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(ns // _NS))


def _date_clock(ns: int) -> str:
    return time.strftime("%Y-%m-%d ", time.localtime(ns // _NS)) + clock(ns)


def _date_clock_seconds(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // _NS))


def iso(ns: int) -> str:
    """``2023-11-14T22:13:20.123456789+0000``, UTC."""
    return _utc(ns) + "+0000"


def rfc3339(ns: int) -> str:
    """``2023-11-14T22:13:20.123456789Z``, UTC."""
    return _utc(ns) + "Z"


def _utc(ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // _NS)) + f".{ns % _NS:09}"


TEXT_FIELDS: Final[Mapping[str, Callable[[int], str]]] = {
    "evt.time": clock,
    "evt.time.s": _clock_seconds,
    "evt.time.iso8601": iso,
    "evt.datetime": _date_clock,
    "evt.datetime.s": _date_clock_seconds,
    "evt.outputtime": clock,
}
"""The fields that are the event's time as text; in JSON they are the integer."""

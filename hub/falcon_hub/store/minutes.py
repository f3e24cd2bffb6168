"""How many alerts of each priority each minute has, kept beside the alerts in the same transactions.

For the figures that the page asks most often (counts and timeline of a week, of everything, with nothing else chosen):
counted alert by alert a million take seconds. Whole minutes come from here, the two begun ones at the ends from the
alerts themselves, so that the result is the same to the alert.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from falcon_hub.store import filters, schema

MINUTE_NS: Final = 60 * 10**9
_T, _M = schema.alerts.c, schema.minutes.c

_ADD = sa.text(
    "INSERT INTO minutes (minute, priority, alerts) VALUES (:minute, :priority, :alerts) "
    "ON CONFLICT (minute, priority) DO UPDATE SET alerts = minutes.alerts + excluded.alerts"
)


def add(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as they go into `alerts`."""
    counted = collections.Counter((row["time_ns"] // MINUTE_NS, row["priority"]) for row in rows)
    _change(connection, ((minute, priority, number) for (minute, priority), number in counted.items()))


def subtract(connection: sa.Connection, through: int) -> None:
    """Alerts up to this number are about to be removed."""
    minute = _minute_of(_T.time_ns).label("minute")
    gone = connection.execute(
        sa.select(minute, _T.priority, sa.func.count()).where(_T.seq <= through).group_by(sa.text("1"), sa.text("2"))
    ).all()
    _change(connection, ((row[0], row[1], -row[2]) for row in gone))
    touched = {row[0] for row in gone}
    if touched:
        empty = sa.delete(schema.minutes).where(_M.minute.between(min(touched), max(touched)), _M.alerts <= 0)
        connection.execute(empty)


def _change(connection: sa.Connection, changes: Iterable[tuple[int, int, int]]) -> None:
    rows = [{"minute": minute, "priority": priority, "alerts": number} for minute, priority, number in sorted(changes)]
    if rows:
        connection.execute(_ADD, rows)


def know(chosen: filters.Filter) -> bool:
    """Whether nothing is chosen but times and priorities."""
    return chosen == filters.Filter(chosen.since_ns, chosen.until_ns, chosen.priorities)


def bounds(connection: sa.Connection) -> tuple[int, int] | None:
    """The first minute that has alerts, and the end of the last; ns. None: there are none."""
    # Two questions: of both in one SQLite would look at all.
    first = connection.scalar(sa.select(sa.func.min(_M.minute)))
    last = connection.scalar(sa.select(sa.func.max(_M.minute)))
    return None if first is None or last is None else (first * MINUTE_NS, (last + 1) * MINUTE_NS)


def count(connection: sa.Connection, chosen: filters.Filter) -> dict[int, int]:
    """How many of each priority, of a filter that `know` takes."""
    total: collections.Counter[int] = collections.Counter()
    for _, priority, number in spans(connection, chosen, 0, None):
        total[priority] += number
    return dict(total)


def spans(
    connection: sa.Connection, chosen: filters.Filter, begin: int, width: int | None
) -> Sequence[tuple[int, int, int]]:
    """(span, priority, how many), of spans of `width` minutes from the minute `begin` on; None: all is span 0. What a
    minute that the filter cuts has of alerts within it is counted one by one."""
    since, until = chosen.since_ns, chosen.until_ns
    first = None if since is None else -(-since // MINUTE_NS)
    end = None if until is None else until // MINUTE_NS
    if first is not None and end is not None and first >= end:
        return _one_by_one(connection, chosen, since, until, begin, width)
    found: list[tuple[int, int, int]] = []
    if since is not None and first is not None and since < first * MINUTE_NS:
        found += _one_by_one(connection, chosen, since, first * MINUTE_NS, begin, width)
    if until is not None and end is not None and end * MINUTE_NS < until:
        found += _one_by_one(connection, chosen, end * MINUTE_NS, until, begin, width)
    query = sa.select(_span(_M.minute, begin, width), _M.priority, sa.func.sum(_M.alerts))
    if first is not None:
        query = query.where(_M.minute >= first)
    if end is not None:
        query = query.where(_M.minute < end)
    return found + _grouped(connection, query, _M.priority, chosen)


def _one_by_one(
    connection: sa.Connection,
    chosen: filters.Filter,
    since: int | None,
    until: int | None,
    begin: int,
    width: int | None,
) -> list[tuple[int, int, int]]:
    span = _span(_minute_of(_T.time_ns), begin, width)
    query = sa.select(span, _T.priority, sa.func.count()).where(_T.time_ns >= since, _T.time_ns < until)
    return _grouped(connection, query, _T.priority, chosen)


def _grouped(
    connection: sa.Connection, query: sa.Select[Any], priority: sa.ColumnElement[int], chosen: filters.Filter
) -> list[tuple[int, int, int]]:
    """query: of span, priority and how many, which is to be taken together by the first two."""
    if chosen.priorities:
        query = query.where(priority.in_(sorted(chosen.priorities)))
    rows = connection.execute(query.group_by(sa.text("1"), sa.text("2")))
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows]


def _minute_of(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return column // MINUTE_NS


def _span(minute: sa.ColumnElement[int], begin: int, width: int | None) -> sa.Label[int]:
    return (sa.literal_column("0", sa.Integer) if width is None else (minute - begin) // width).label("span")

"""Questions about alerts. Each gets a connection of a reader and gives plain data; none reads more than it returns
or counts by an index, and none skips rows to find a page (OFFSET): a page begins where the last one ended."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import conditions, dialects, filters, minutes, records, schema
from falcon_rules import bundle

_T = schema.alerts.c
_A = schema.acknowledgements.c
_TAGS = schema.tagsets.c.tags.label("tags")

_ROWS = (
    sa.select(
        schema.alerts,
        _TAGS,
        _A.who.label("ack_who"),
        _A.at_ns.label("ack_at_ns"),
        _A.reason.label("ack_reason"),
        _A.expires_ns.label("ack_expires_ns"),
    )
    .join(schema.tagsets, schema.tagsets.c.id == _T.tagset)
    .outerjoin(schema.acknowledgements, _A.seq == _T.seq)
)


def last_seq(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(schema.totals.c.last_seq)).scalar_one())


def touch(connection: sa.Connection) -> None:
    """A write that changes nothing."""
    connection.execute(sa.update(schema.totals).values(last_seq=schema.totals.c.last_seq))


def size(connection: sa.Connection) -> records.Size:
    """Numbers are given without gaps and taken away from the front, so the first and the last tell how many."""
    total = connection.execute(sa.select(schema.totals.c.last_seq, schema.totals.c.bytes)).one()
    first = connection.scalar(sa.select(sa.func.min(_T.seq)))
    return records.Size(0 if first is None else total.last_seq - first + 1, total.bytes)


def after(connection: sa.Connection, seq: int, limit: int) -> list[records.Stored]:
    """Alerts with greater numbers, in order."""
    return [stored(row) for row in connection.execute(_ROWS.where(_T.seq > seq).order_by(_T.seq).limit(limit))]


def get(connection: sa.Connection, uuid: str) -> records.Stored | None:
    found = connection.execute(_ROWS.where(_T.uuid == uuid)).first()
    return None if found is None else stored(found)


_MANY = 20_000
"""Alerts with the words that are searched. The newest of fewer are found by reading and sorting all of them, in some
50 ms; for more it is quicker to look at the newest alerts one by one."""
_LOOKED_AT = 500
_MOST_LOOKED_AT = 10_000


def page(
    connection: sa.Connection, chosen: filters.Filter, before: str | None, limit: int, now_ns: int
) -> records.Page:
    """Newest first, by time. Raises ValueError when `before` is none that a page gave."""
    at = None if before is None else _position(before)
    rows: list[records.Stored] = []
    done = False
    if chosen.text and dialects.many_have(connection, filters.terms(chosen.text), _MANY):
        rows, at = _looked_through(connection, chosen, at, limit + 1, now_ns)
        done = at is None
    if len(rows) <= limit and not done:
        rows += _rows(connection, chosen, at, limit + 1 - len(rows), now_ns)
    more = len(rows) > limit
    rows = rows[:limit]
    return records.Page(rows, f"{rows[-1].alert.time_ns}-{rows[-1].seq}" if more else None)


def _looked_through(
    connection: sa.Connection, chosen: filters.Filter, at: tuple[int, int] | None, wanted: int, now_ns: int
) -> tuple[list[records.Stored], tuple[int, int] | None]:
    """The newest that fit, and where looking ended: there were enough, or it took too long; None: at the last alert."""
    rest = dataclasses.replace(chosen, text="")
    found: list[records.Stored] = []
    for _ in range(_MOST_LOOKED_AT // _LOOKED_AT):
        rows = _rows(connection, rest, at, _LOOKED_AT, now_ns)
        found += [each for each in rows if chosen.matches(each, now_ns)]
        if len(rows) < _LOOKED_AT:
            return found, None
        at = (rows[-1].alert.time_ns, rows[-1].seq)
        if len(found) >= wanted:
            break
    return found, at


def _rows(
    connection: sa.Connection, chosen: filters.Filter, at: tuple[int, int] | None, limit: int, now_ns: int
) -> list[records.Stored]:
    query = _ROWS.where(*conditions.where(connection, chosen, now_ns))
    if at is not None:
        query = query.where(sa.tuple_(_T.time_ns, _T.seq) < sa.tuple_(*at))
    query = query.order_by(_T.time_ns.desc(), _T.seq.desc()).limit(limit)
    return [stored(row) for row in connection.execute(query)]


def _position(text: str) -> tuple[int, int]:
    time_ns, dash, seq = text.partition("-")
    if not (text.isascii() and dash and time_ns.isdecimal() and seq.isdecimal() and len(text) < 60):
        raise ValueError("before must be the `next` of an earlier page")
    return int(time_ns), int(seq)


def count(connection: sa.Connection, chosen: filters.Filter, now_ns: int) -> dict[int, int]:
    """How many of each priority; those of which there are none are left out."""
    if minutes.know(chosen):
        return minutes.count(connection, chosen)
    if chosen.acknowledged is not None and minutes.know(dataclasses.replace(chosen, acknowledged=None)):
        seen = _count_acknowledged(connection, chosen, now_ns)
        if chosen.acknowledged:
            return seen
        total = minutes.count(connection, chosen)
        return {each: total[each] - seen.get(each, 0) for each in total if total[each] > seen.get(each, 0)}
    query = sa.select(_T.priority, sa.func.count()).where(*conditions.where(connection, chosen, now_ns))
    return {row[0]: row[1] for row in connection.execute(query.group_by(_T.priority))}


def _count_acknowledged(connection: sa.Connection, chosen: filters.Filter, now_ns: int) -> dict[int, int]:
    """Looks up the alert of each acknowledgement, as these are few. A join SQLite would begin with the alerts."""
    wanted = conditions.where(connection, dataclasses.replace(chosen, acknowledged=None), now_ns)
    priority = sa.select(_T.priority).where(_T.seq == _A.seq, *wanted).correlate(schema.acknowledgements)
    valid = sa.or_(_A.expires_ns.is_(None), _A.expires_ns > now_ns)
    found = sa.select(priority.scalar_subquery().label("priority")).where(valid).subquery()
    query = sa.select(found.c.priority, sa.func.count()).where(found.c.priority.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(found.c.priority))}


_LEAST_MINUTES = 2
"""Of a bucket, for it to be made of whole minutes. Narrower ones are of some hours, which are quickly counted."""


def timeline(connection: sa.Connection, chosen: filters.Filter, buckets: int, now_ns: int) -> records.Timeline:
    """Between the filter's times; where it has none, from the first alert that fits to now or the last. Wide buckets
    are made of whole minutes, and there are as many as it takes; the times may cut the first and the last."""
    if minutes.know(chosen) and (by_minutes := _timeline_of_minutes(connection, chosen, buckets, now_ns)):
        return by_minutes
    found = conditions.where(connection, chosen, now_ns)
    begin, end = chosen.since_ns, chosen.until_ns
    if begin is None or end is None:
        first, last = connection.execute(
            sa.select(sa.func.min(_T.time_ns), sa.func.max(_T.time_ns)).where(*found)
        ).one()
        begin = begin if begin is not None else (first if first is not None else now_ns)
        end = end if end is not None else max(now_ns, (last or 0) + 1)
    width = max(1, -(-(end - begin) // buckets))
    number = ((_T.time_ns - begin) // width).label("bucket")
    rows = connection.execute(
        sa.select(number, _T.priority, sa.func.count()).where(*found).group_by(sa.text("1"), sa.text("2"))
    )
    made = [records.Bucket(begin + index * width, {}) for index in range(buckets)]
    for index, priority, counted in rows:
        if 0 <= index < buckets:
            made[int(index)].counts[priority] = counted
    return records.Timeline(width, made)


def _timeline_of_minutes(
    connection: sa.Connection, chosen: filters.Filter, buckets: int, now_ns: int
) -> records.Timeline | None:
    """None when the buckets are too narrow for that."""
    first, last = minutes.bounds(connection) or (now_ns, now_ns)
    begin = (first if chosen.since_ns is None else chosen.since_ns) // minutes.MINUTE_NS
    end = -(-(max(now_ns, last) if chosen.until_ns is None else chosen.until_ns) // minutes.MINUTE_NS)
    width = -(-(end - begin) // buckets)
    if width < _LEAST_MINUTES:
        return None
    width_ns = width * minutes.MINUTE_NS
    made = [
        records.Bucket(begin * minutes.MINUTE_NS + index * width_ns, {}) for index in range(-(-(end - begin) // width))
    ]
    for index, priority, counted in minutes.spans(connection, chosen, begin, width):
        if 0 <= index < len(made):
            counts = made[index].counts
            counts[priority] = counts.get(priority, 0) + counted
    return records.Timeline(width_ns, made)


def top(connection: sa.Connection, chosen: filters.Filter, by: str, limit: int, now_ns: int) -> list[records.Top]:
    """The most frequent values of a dimension or of `tag`, alerts without a value left out."""
    found = conditions.where(connection, chosen, now_ns)
    counted = sa.func.count().label("counted")
    if by == "tag":
        members = schema.tagset_members.c
        sets = sa.select(_T.tagset, counted).where(*found).group_by(_T.tagset).subquery()
        total = sa.func.sum(sets.c.counted).label("counted")
        query = sa.select(members.tag, total).join(sets, sets.c.tagset == members.tagset).group_by(members.tag)
        column: sa.ColumnElement[Any] = members.tag
        counted = total
    elif by in filters.DIMENSIONS:
        column = _T[by]
        query = sa.select(column, counted).where(*found, column.is_not(None)).group_by(column)
    else:
        raise ValueError(f"by must be one of {', '.join((*filters.DIMENSIONS, 'tag'))}")
    rows = connection.execute(query.order_by(counted.desc(), column).limit(limit))
    return [records.Top(value, int(number)) for value, number in rows]


def stored(row: sa.Row[Any]) -> records.Stored:
    acknowledgement = None
    if row.ack_at_ns is not None:
        acknowledgement = records.Acknowledgement(row.ack_who, row.ack_at_ns, row.ack_reason, row.ack_expires_ns)
    return records.Stored(row.seq, alert(row), row.received_ns, row.silence, acknowledgement)


def alert(row: sa.Row[Any]) -> alerts.Alert:
    """Of a row with the columns of `alerts` and `tags`."""
    return alerts.Alert(
        uuid=row.uuid,
        time_ns=row.time_ns,
        rule=row.rule,
        priority=bundle.Priority(row.priority),
        source=row.source,
        hostname=row.hostname,
        tags=tuple(json.loads(row.tags)),
        output=row.output,
        fields=json.loads(row.fields),
    )


def seqs_of(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, int]:
    """Numbers of those that are there."""
    return {row.uuid: row.seq for row in connection.execute(sa.select(_T.uuid, _T.seq).where(_T.uuid.in_(list(uuids))))}

"""How far each sink is, and what it could not deliver."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from falcon_hub.store import reading, records, schema

_C = schema.cursors.c
_D = schema.dead_letters.c
_NEW = sa.text("INSERT INTO cursors (sink, seq, lost) VALUES (:sink, :seq, 0) ON CONFLICT (sink) DO NOTHING")


def cursor(connection: sa.Connection, sink: str, beginning: bool) -> int:
    """The last number the sink is done with. A sink seen for the first time begins with what comes from now on, or
    with the oldest alert there is."""
    here = sa.select(_C.seq).where(_C.sink == sink)
    if connection.scalar(here) is None:
        # Another hub on the database may have made it just now.
        begin = 0 if beginning else reading.last_seq(connection)
        connection.execute(_NEW, {"sink": sink, "seq": begin})
    return int(connection.execute(here).scalar_one())


def advance(connection: sa.Connection, sink: str, seq: int, state: str | None) -> None:
    """Never backwards."""
    connection.execute(sa.update(schema.cursors).where(_C.sink == sink, _C.seq <= seq).values(seq=seq, state=state))


def state(connection: sa.Connection, sink: str) -> str | None:
    return connection.scalar(sa.select(_C.state).where(_C.sink == sink))


def states(connection: sa.Connection) -> list[records.CursorState]:
    last = reading.last_seq(connection)
    # What was removed is not waited for any more.
    first = connection.scalar(sa.select(sa.func.min(schema.alerts.c.seq)))
    gone = last if first is None else first - 1
    return [
        records.CursorState(row.sink, row.seq, row.lost, last - max(row.seq, gone))
        for row in connection.execute(sa.select(schema.cursors).order_by(_C.sink))
    ]


def add_dead(connection: sa.Connection, sink: str, seqs: Sequence[int], reason: str, attempts: int) -> None:
    """Once more for one that is there updates it."""
    if not seqs:
        return
    connection.execute(sa.delete(schema.dead_letters).where(_D.sink == sink, _D.seq.in_(list(seqs))))
    now = time.time_ns()
    connection.execute(
        sa.insert(schema.dead_letters),
        [
            {"sink": sink, "seq": seq, "reason": reason, "attempts": attempts, "at_ns": now, "retry": False}
            for seq in seqs
        ],
    )


def dead(
    connection: sa.Connection,
    sink: str | None,
    limit: int,
    after_id: int,
    retry: bool | None = None,
    ids: Sequence[int] | None = None,
) -> list[records.DeadLetter]:
    """Oldest first, those with an id above after_id; retry: only those that are (not) to be tried once more. ids: only
    these."""
    query = (
        sa.select(
            _D.id,
            _D.sink,
            _D.reason,
            _D.attempts,
            _D.at_ns,
            _D.retry,
            schema.alerts,
            schema.tagsets.c.tags.label("tags"),
        )
        .join(schema.alerts, schema.alerts.c.seq == _D.seq)
        .join(schema.tagsets, schema.tagsets.c.id == schema.alerts.c.tagset)
        .where(_D.id > after_id)
        .order_by(_D.id)
        .limit(limit)
    )
    if sink is not None:
        query = query.where(_D.sink == sink)
    if retry is not None:
        query = query.where(_D.retry.is_(retry))
    if ids is not None:
        query = query.where(_D.id.in_(list(ids)))
    return [_letter(row) for row in connection.execute(query)]


def _letter(row: sa.Row[Any]) -> records.DeadLetter:
    return records.DeadLetter(
        row.id, row.sink, row.seq, row.reason, row.attempts, row.at_ns, reading.alert(row), row.retry
    )


def drop_dead(connection: sa.Connection, ids: Sequence[int] | None, sink: str | None) -> int:
    """How many were there. ids, sink: None for all."""
    return connection.execute(sa.delete(schema.dead_letters).where(*_these(ids, sink))).rowcount


def retry_dead(connection: sa.Connection, ids: Sequence[int] | None, sink: str | None) -> int:
    """How many were there. ids, sink: None for all."""
    return connection.execute(sa.update(schema.dead_letters).where(*_these(ids, sink)).values(retry=True)).rowcount


def _these(ids: Sequence[int] | None, sink: str | None) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = []
    if ids is not None:
        wanted.append(_D.id.in_(list(ids)))
    if sink is not None:
        wanted.append(_D.sink == sink)
    return wanted


def count_dead(connection: sa.Connection) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(sa.select(_D.sink, sa.func.count()).group_by(_D.sink))}

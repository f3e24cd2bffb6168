"""Removes the oldest alerts: those that came too long ago, and those that no longer fit.

In order of arrival, not of the time that a sender wrote into them, so that a wrong clock removes nothing. In pieces, so
that alerts that come meanwhile wait for milliseconds. What a sink had not had yet is counted as lost for that sink.
"""

from __future__ import annotations

import sqlalchemy as sa

from falcon_hub.store import dialects, minutes, records, schema

_PIECE = 1000
"""Alerts of one transaction: some 50 ms."""

_T, _C, _D = schema.alerts.c, schema.cursors.c, schema.dead_letters.c


def remove(connection: sa.Connection, before_ns: int, most_bytes: int) -> records.Removed:
    """One piece: alerts that came before that moment, or the oldest while all take more bytes than that. Nothing
    removed: nothing is left to remove."""
    # Whoever adds alerts counts them in the same rows of `minutes`.
    dialects.only_writer(connection)
    through = _too_old(connection, before_ns) or _too_many(connection, most_bytes)
    if through is None:
        return records.Removed(0, {})
    lost = _lost(connection, through)
    freed = connection.scalar(sa.select(sa.func.sum(dialects.DISK_BYTES)).where(_T.seq <= through)) or 0
    connection.execute(sa.delete(schema.acknowledgements).where(schema.acknowledgements.c.seq <= through))
    connection.execute(sa.delete(schema.dead_letters).where(_D.seq <= through))
    minutes.subtract(connection, through)
    number = dialects.delete_alerts(connection, through)
    connection.execute(sa.update(schema.totals).values(bytes=schema.totals.c.bytes - int(freed)))
    return records.Removed(number, lost)


def _too_old(connection: sa.Connection, before_ns: int) -> int | None:
    oldest = sa.select(_T.seq, _T.received_ns).order_by(_T.seq).limit(_PIECE).subquery()
    found: int | None = connection.scalar(sa.select(sa.func.max(oldest.c.seq)).where(oldest.c.received_ns < before_ns))
    return found


def _too_many(connection: sa.Connection, most_bytes: int) -> int | None:
    excess = connection.execute(sa.select(schema.totals.c.bytes)).scalar_one() - most_bytes
    if excess <= 0:
        return None
    through: int | None = None
    freed = 0
    sizes = connection.execute(sa.select(_T.seq, dialects.DISK_BYTES).order_by(_T.seq).limit(_PIECE))
    for seq, size in sizes:
        if freed >= excess:
            break
        through, freed = seq, freed + size
    return through


def _lost(connection: sa.Connection, through: int) -> dict[str, int]:
    """Sink to how many alerts it has not had, or that its receiver had refused."""
    lost: dict[str, int] = {}
    for sink, seq in connection.execute(sa.select(_C.sink, _C.seq).where(_C.seq < through)).all():
        lost[sink] = (
            connection.scalar(
                sa.select(sa.func.count()).where(_T.seq > seq, _T.seq <= through).select_from(schema.alerts)
            )
            or 0
        )
    dead = sa.select(_D.sink, sa.func.count()).where(_D.seq <= through).group_by(_D.sink)
    for sink, number in connection.execute(dead):
        lost[sink] = lost.get(sink, 0) + number
    for sink, number in lost.items():
        connection.execute(sa.update(schema.cursors).where(_C.sink == sink).values(lost=_C.lost + number))
    return {sink: number for sink, number in lost.items() if number}

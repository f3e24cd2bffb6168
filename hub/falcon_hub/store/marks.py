"""What people have said lately, for pages that show the alerts: acknowledged, taken back, silenced.

Read from the audit log: it has all of it in order, outlives restarts, and is the same for every hub on the database.
The number of its newest entry that somebody knows is a *note* here.
"""

from __future__ import annotations

import json
import time
from typing import Final

import sqlalchemy as sa

from falcon_hub.store import records, schema

ACKNOWLEDGE: Final = "acknowledge"
TAKE_BACK: Final = "take back acknowledgement"
SILENCE: Final = "silence"
END_SILENCE: Final = "end silence"
_ALL: Final = (ACKNOWLEDGE, TAKE_BACK, SILENCE, END_SILENCE)
ALERT: Final = "alert"
"""In the detail of such an entry: the alert's uuid."""
_AT_ONCE: Final = 500

_A, _K, _T = schema.audit.c, schema.acknowledgements.c, schema.alerts.c


def last_note(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.max(_A.id))) or 0


def after(connection: sa.Connection, note: int) -> records.Marks:
    """How things stand now with what was said behind `note`, or with the first part of that."""
    # First, so that nothing is passed over that is logged while this reads.
    newest = last_note(connection)
    rows = connection.execute(
        sa.select(_A.id, _A.action, _A.detail)
        .where(_A.id > note, _A.id <= newest, _A.action.in_(_ALL))
        .order_by(_A.id)
        .limit(_AT_ONCE + 1)
    ).all()
    # Whatever else was logged is passed over at once.
    reached = rows[_AT_ONCE - 1].id if len(rows) > _AT_ONCE else max(note, newest)
    rows = rows[:_AT_ONCE]
    said = [json.loads(row.detail).get(ALERT) for row in rows if row.action in (ACKNOWLEDGE, TAKE_BACK)]
    uuids = [uuid for uuid in dict.fromkeys(said) if isinstance(uuid, str)]
    silences = any(row.action in (SILENCE, END_SILENCE) for row in rows)
    return records.Marks(reached, dict.fromkeys(uuids) | _in_force(connection, uuids), silences)


def _in_force(connection: sa.Connection, uuids: list[str]) -> dict[str, records.Acknowledgement | None]:
    query = (
        sa.select(_T.uuid, schema.acknowledgements)
        .join(schema.alerts, _T.seq == _K.seq)
        .where(_T.uuid.in_(uuids), sa.or_(_K.expires_ns.is_(None), _K.expires_ns > time.time_ns()))
    )
    rows = connection.execute(query) if uuids else ()
    return {row.uuid: records.Acknowledgement(row.who, row.at_ns, row.reason, row.expires_ns) for row in rows}

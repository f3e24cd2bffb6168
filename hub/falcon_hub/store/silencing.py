"""Silences: which there are, and whether one covers an alert that just came.

Decided once, when the alert is stored: a sink that was down for an hour sends the same as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import filters, records, schema


def active(connection: sa.Connection, now_ns: int) -> list[records.Silence]:
    """Those in force, oldest first."""
    table = schema.silences
    found = connection.execute(
        sa.select(table).where(table.c.starts_ns <= now_ns, table.c.expires_ns > now_ns).order_by(table.c.id)
    )
    return [silence(row) for row in found]


def covering(silences: Sequence[records.Silence], alert: alerts.Alert) -> int | None:
    """The first that covers it."""
    return next((each.id for each in silences if filters.fits(each.matchers, alert)), None)


def listed(connection: sa.Connection, now_ns: int | None) -> list[records.Silence]:
    """Newest first; now_ns: only those that are not over by then."""
    table = schema.silences
    query = sa.select(table).order_by(table.c.id.desc())
    if now_ns is not None:
        query = query.where(table.c.expires_ns > now_ns)
    return [silence(row) for row in connection.execute(query)]


def add(connection: sa.Connection, made: records.Silence) -> records.Silence:
    """`made` with its id."""
    given = connection.execute(
        sa.insert(schema.silences)
        .values(
            matchers=json.dumps(made.matchers),
            reason=made.reason,
            who=made.who,
            starts_ns=made.starts_ns,
            expires_ns=made.expires_ns,
        )
        .returning(schema.silences.c.id)
    ).scalar_one()
    return records.Silence(given, made.matchers, made.reason, made.who, made.starts_ns, made.expires_ns)


def end(connection: sa.Connection, number: int, now_ns: int) -> bool:
    """It stays in the list, as alerts refer to it, but is over; False: there is no such silence in force."""
    table = schema.silences
    done = connection.execute(
        sa.update(table).where(table.c.id == number, table.c.expires_ns > now_ns).values(expires_ns=now_ns)
    )
    return bool(done.rowcount)


def silence(row: sa.Row[Any]) -> records.Silence:
    matchers = {name: tuple(values) for name, values in json.loads(row.matchers).items()}
    return records.Silence(row.id, matchers, row.reason, row.who, row.starts_ns, row.expires_ns)

"""Puts alerts into the tables, inside the writer's transaction: each uuid once, numbered in order of commit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import dialects, filters, minutes, records, schema, silencing

_MOST_ASKED = 500
"""uuids in one question; SQLite takes 999 parameters where it is old."""


class Inserter:
    """Remembers the lists of tags it has seen."""

    def __init__(self) -> None:
        self._tagsets: dict[tuple[str, ...], int] = {}

    def forget(self) -> None:
        """After a transaction that was undone: what it wrote is not there."""
        self._tagsets.clear()

    def insert(
        self, connection: sa.Connection, groups: Sequence[Sequence[alerts.Alert]]
    ) -> tuple[list[records.Stored], list[records.Added]]:
        """What is new, with its numbers, and for each group how much of it was."""
        dialects.only_writer(connection)
        known = _known(connection, (alert.uuid for group in groups for alert in group))
        fresh: list[alerts.Alert] = []
        added: list[records.Added] = []
        for group in groups:
            before = len(fresh)
            for alert in group:
                if alert.uuid not in known:
                    known.add(alert.uuid)
                    fresh.append(alert)
            new = len(fresh) - before
            added.append(records.Added(new, len(group) - new))
        return (self._store(connection, fresh) if fresh else []), added

    def _store(self, connection: sa.Connection, fresh: list[alerts.Alert]) -> list[records.Stored]:
        now = time.time_ns()
        last = connection.execute(sa.select(schema.totals.c.last_seq)).scalar_one()
        silences = silencing.active(connection, now)
        stored = [
            records.Stored(last + number, alert, now, silencing.covering(silences, alert))
            for number, alert in enumerate(fresh, 1)
        ]
        rows = [self._row(connection, each) for each in stored]
        dialects.insert_alerts(connection, rows)
        minutes.add(connection, rows)
        connection.execute(
            sa.update(schema.totals).values(
                last_seq=stored[-1].seq, bytes=schema.totals.c.bytes + sum(map(dialects.disk_bytes, rows))
            )
        )
        return stored

    def _row(self, connection: sa.Connection, stored: records.Stored) -> dict[str, Any]:
        alert = stored.alert
        return {
            "seq": stored.seq,
            "uuid": alert.uuid,
            "time_ns": alert.time_ns,
            "received_ns": stored.received_ns,
            "priority": int(alert.priority),
            "rule": alert.rule,
            "source": alert.source,
            "hostname": alert.hostname,
            "namespace": alert.namespace,
            "pod": alert.pod,
            "container": alert.container,
            "image": alert.image,
            "tagset": self._tagset(connection, alert.tags),
            "output": alert.output,
            "fields": json.dumps(alert.fields, ensure_ascii=False, separators=(",", ":")),
            "words": filters.extra_words(alert),
            "silence": stored.silence,
        }

    def _tagset(self, connection: sa.Connection, tags: tuple[str, ...]) -> int:
        if (found := self._tagsets.get(tags)) is None:
            found = self._tagsets[tags] = _tagset(connection, tags)
        return found


def _known(connection: sa.Connection, uuids: Iterable[str]) -> set[str]:
    asked = list(set(uuids))
    found: set[str] = set()
    for at in range(0, len(asked), _MOST_ASKED):
        some = asked[at : at + _MOST_ASKED]
        found.update(connection.scalars(sa.select(schema.alerts.c.uuid).where(schema.alerts.c.uuid.in_(some))))
    return found


def _tagset(connection: sa.Connection, tags: tuple[str, ...]) -> int:
    text = json.dumps(tags, separators=(",", ":"))
    found = connection.scalar(sa.select(schema.tagsets.c.id).where(schema.tagsets.c.tags == text))
    if found is not None:
        return int(found)
    made = connection.execute(sa.insert(schema.tagsets).values(tags=text).returning(schema.tagsets.c.id)).scalar_one()
    if tags:
        connection.execute(sa.insert(schema.tagset_members), [{"tag": tag, "tagset": made} for tag in tags])
    return int(made)

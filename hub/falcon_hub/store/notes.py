"""What people say about alerts: acknowledgements of single ones, silences for those to come."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import filters, questions, reading, records, schema, silencing


class Silences:
    """Stored and shown, not sent: alerts that come while one that covers them is in force."""

    def __init__(self, store: questions.Runner) -> None:
        self._store = store

    async def add(
        self,
        matchers: Mapping[str, Sequence[str]],
        *,
        who: str,
        reason: str,
        expires_ns: int,
        starts_ns: int | None = None,
    ) -> records.Silence:
        """matchers: dimension (or `tag`) to values, at least one; every dimension must have one of its values.
        Raises ValueError for what cannot be meant."""
        now = time.time_ns()
        starts_ns = now if starts_ns is None else starts_ns
        known = (*filters.DIMENSIONS, "tag")
        if not matchers or not all(matchers.values()):
            raise ValueError("a silence needs at least one of " + ", ".join(known) + " with a value")
        if wrong := [name for name in matchers if name not in known]:
            raise ValueError(f"a silence cannot ask for {wrong[0]}; it can for {', '.join(known)}")
        if expires_ns <= max(now, starts_ns):
            raise ValueError("a silence must end after it begins, and in the future")
        wanted = {name: tuple(values) for name, values in matchers.items()}
        made = records.Silence(0, wanted, reason, who, starts_ns, expires_ns)
        return await self._store.write(lambda connection: silencing.add(connection, made))

    async def list(self, *, over_too: bool = False) -> list[records.Silence]:
        """Newest first."""
        now = None if over_too else time.time_ns()
        return await self._store.read(lambda connection: silencing.listed(connection, now))

    async def covering(self, alert: alerts.Alert) -> Sequence[records.Silence]:
        """Those in force that would cover it if it came now, oldest first."""
        now = time.time_ns()
        found = await self._store.read(lambda connection: silencing.active(connection, now))
        return [each for each in found if filters.fits(each.matchers, alert)]

    async def end(self, number: int) -> bool:
        """From now on; False: there is no such silence in force."""
        now = time.time_ns()
        return await self._store.write(lambda connection: silencing.end(connection, number, now))


class Acknowledgements:
    """Somebody has seen to an alert."""

    def __init__(self, store: questions.Runner) -> None:
        self._store = store

    async def set(self, uuid: str, *, who: str, reason: str, expires_ns: int | None = None) -> bool:
        """Replaces one that is there; False: there is no such alert."""
        made = records.Acknowledgement(who, time.time_ns(), reason, expires_ns)
        return await self._store.write(lambda connection: _set(connection, uuid, made))

    async def clear(self, uuid: str) -> bool:
        """False: there was none."""
        return await self._store.write(lambda connection: _clear(connection, uuid))


def _set(connection: sa.Connection, uuid: str, made: records.Acknowledgement) -> bool:
    seq = reading.seqs_of(connection, [uuid]).get(uuid)
    if seq is None:
        return False
    table = schema.acknowledgements
    connection.execute(sa.delete(table).where(table.c.seq == seq))
    connection.execute(
        sa.insert(table).values(seq=seq, who=made.who, at_ns=made.at_ns, reason=made.reason, expires_ns=made.expires_ns)
    )
    return True


def _clear(connection: sa.Connection, uuid: str) -> bool:
    seq = reading.seqs_of(connection, [uuid]).get(uuid)
    table = schema.acknowledgements
    return seq is not None and bool(connection.execute(sa.delete(table).where(table.c.seq == seq)).rowcount)

"""Users, their sessions, and the log of who did what. What a password or a role means is decided in `access`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from falcon_hub.store import questions, records, schema

_U, _S, _A = schema.users.c, schema.sessions.c, schema.audit.c


class Accounts:
    def __init__(self, store: questions.Runner) -> None:
        self._store = store

    async def users(self) -> list[records.User]:
        return await self._store.read(
            lambda connection: [_user(row) for row in connection.execute(sa.select(schema.users).order_by(_U.name))]
        )

    async def user(self, name: str) -> records.User | None:
        query = sa.select(schema.users).where(_U.name == name)
        found = await self._store.read(lambda connection: connection.execute(query).first())
        return None if found is None else _user(found)

    async def put_user(self, user: records.User) -> None:
        """Adds or replaces. A change of role, password or state ends the user's sessions."""
        await self._store.write(lambda connection: _put_user(connection, user))

    async def remove_user(self, name: str) -> bool:
        """With all sessions; False: there was none."""
        return await self._store.write(lambda connection: _remove_user(connection, name))

    async def add_session(self, token_hash: str, session: records.Session) -> None:
        """Old ones are cleared away on this occasion."""
        await self._store.write(lambda connection: _add_session(connection, token_hash, session))

    async def session(self, token_hash: str) -> records.Session | None:
        """One that has not expired."""
        query = sa.select(schema.sessions).where(_S.token_hash == token_hash, _S.expires_ns > time.time_ns())
        found = await self._store.read(lambda connection: connection.execute(query).first())
        if found is None:
            return None
        return records.Session(found.user, found.role, found.csrf, found.created_ns, found.expires_ns)

    async def end_session(self, token_hash: str) -> None:
        query = sa.delete(schema.sessions).where(_S.token_hash == token_hash)
        await self._store.write(lambda connection: connection.execute(query).rowcount)

    async def log(self, who: str, action: str, detail: Mapping[str, Any] | None = None, address: str = "") -> None:
        """Into the audit log."""
        values = {"who": who, "action": action, "detail": json.dumps(dict(detail or {})), "address": address}
        query = sa.insert(schema.audit).values(at_ns=time.time_ns(), **values).returning(_A.id)
        self._store.noted(await self._store.write(lambda connection: connection.execute(query).scalar_one()))

    async def audit(self, limit: int = 100, before: records.AuditEntry | None = None) -> list[records.AuditEntry]:
        """Newest first. before: the entry that the page before ended with; only its moment and id count."""
        query = sa.select(schema.audit).order_by(_A.at_ns.desc(), _A.id.desc()).limit(limit)
        if before is not None:
            query = query.where(sa.tuple_(_A.at_ns, _A.id) < sa.tuple_(before.at_ns, before.id))
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [_entry(row) for row in rows]

    async def forget(self, before_ns: int) -> int:
        """Removes older entries of the audit log; how many."""
        query = sa.delete(schema.audit).where(_A.at_ns < before_ns)
        return await self._store.write(lambda connection: connection.execute(query).rowcount)


def _entry(row: sa.Row[Any]) -> records.AuditEntry:
    return records.AuditEntry(row.at_ns, row.who, row.action, json.loads(row.detail), row.address, row.id)


def _user(row: sa.Row[Any]) -> records.User:
    return records.User(row.name, row.role, row.password_hash, row.created_ns, bool(row.disabled))


def _put_user(connection: sa.Connection, user: records.User) -> None:
    connection.execute(sa.delete(schema.sessions).where(_S.user == user.name))
    connection.execute(sa.delete(schema.users).where(_U.name == user.name))
    connection.execute(
        sa.insert(schema.users).values(
            name=user.name,
            role=user.role,
            password_hash=user.password_hash,
            created_ns=user.created_ns,
            disabled=user.disabled,
        )
    )


def _remove_user(connection: sa.Connection, name: str) -> bool:
    connection.execute(sa.delete(schema.sessions).where(_S.user == name))
    return bool(connection.execute(sa.delete(schema.users).where(_U.name == name)).rowcount)


def _add_session(connection: sa.Connection, token_hash: str, session: records.Session) -> None:
    connection.execute(sa.delete(schema.sessions).where(_S.expires_ns <= session.created_ns))
    connection.execute(
        sa.insert(schema.sessions).values(
            token_hash=token_hash,
            user=session.user,
            role=session.role,
            csrf=session.csrf,
            created_ns=session.created_ns,
            expires_ns=session.expires_ns,
        )
    )

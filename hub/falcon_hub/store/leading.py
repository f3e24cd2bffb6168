"""Of several hubs on one database, one delivers and removes what is old: the leader. All of them take and show alerts.

The leader is whoever holds a lock of PostgreSQL's, on a connection of its own. A leader that is killed loses the
connection, and with it the lock, at once; one whose machine vanished loses it when the server misses its keepalives. It
finds out by asking on the same connection. SQLite has one hub, which leads.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Final, Protocol

import sqlalchemy as sa

from falcon_hub.store import database

_LOCK: Final = 0x66616C636F6F
"""PostgreSQL's advisory lock: the one of `dialects`, and one."""
_SECONDS: Final = 1.0
"""How often the leader looks whether it still is, and others whether they are."""


class Leader(Protocol):
    @property
    def leads(self) -> bool:
        """Whether this hub does."""

    async def wait(self, leads: bool) -> None:
        """Until it does, or does not any more."""


class Alone:
    """There is no other hub."""

    @property
    def leads(self) -> bool:
        return True

    async def wait(self, leads: bool) -> None:
        if not leads:
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def elected(url: str, password: str | None = None) -> AsyncIterator[Leader]:
    """Takes part until it is left, which gives the lock away: leave it when nothing is sent any more. url, password: as
    for `Store.open`."""
    location = database.url(url, password)
    if location.drivername == "sqlite":
        yield Alone()
        return
    candidate = _Candidate(location)
    await asyncio.to_thread(candidate.start)
    try:
        yield candidate
    finally:
        await asyncio.to_thread(candidate.stop)


class _Candidate:
    """A thread that holds the connection, and what it found out, on the loop."""

    def __init__(self, location: sa.URL) -> None:
        self._loop = asyncio.get_running_loop()
        self._holder = _Holder(location)
        self._leads = False
        self._changed = asyncio.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-leader", daemon=True)

    @property
    def leads(self) -> bool:
        return self._leads

    async def wait(self, leads: bool) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._leads is leads)

    def start(self) -> None:
        """Where no other hub is, it leads from here on."""
        self._leads = self._holder.holds()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._holder.let_go()

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            found = self._holder.holds()
            if found is not self._leads:
                # At the very end there may be nobody left to tell.
                with contextlib.suppress(RuntimeError):
                    asyncio.run_coroutine_threadsafe(self._tell(found), self._loop)

    async def _tell(self, leads: bool) -> None:
        async with self._changed:
            self._leads = leads
            self._changed.notify_all()


class _Holder:
    """The connection, and the lock on it."""

    def __init__(self, location: sa.URL) -> None:
        self._engine = database.holder(location)
        self._connection: sa.Connection | None = None
        self._held = False

    def holds(self) -> bool:
        """Asks the server. Anything that goes wrong means no: a lock that may be another's is none."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            if self._held:
                self._connection.execute(sa.select(sa.literal(1))).scalar_one()
            else:
                self._held = bool(self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_LOCK))))
        except sa.exc.SQLAlchemyError:
            self.let_go()
        return self._held

    def let_go(self) -> None:
        self._held = False
        if self._connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None
        self._engine.dispose()

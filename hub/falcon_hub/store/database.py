"""Opens the database: the same SQLAlchemy engine for SQLite and PostgreSQL, with the settings each needs.

SQLite: WAL, so that readers and the writer do not wait for each other, and synchronous=FULL: without it a power
failure takes back commits that senders were told of. Its cost is one fsync for each group of requests.
"""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from falcon_hub.store import records

READERS = 4
"""Threads that read at once: more would only take turns on a small machine."""
_BUSY_MILLISECONDS = 10_000
"""How long SQLite waits for another process's write, such as that of `falcon-hub user add`."""
_WRITER_CACHE_KIB = 32 * 1024
"""The index of uuids is hit at random; at a million alerts its inner pages and much of its leaves fit."""
_CHECKPOINT_PAGES = 16_000
"""64 MiB of log before the writer itself carries it into the tables, see `checkpoints`."""
_CONNECT_SECONDS = 5
_STATEMENT_MILLISECONDS = 20_000
_HOLDER_MILLISECONDS = 5_000
"""For the server to say that the lock is still held."""
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""Seconds, seconds, probes: a peer that vanished is given up after some 11 seconds, on both sides of the connection."""


class BadUrl(ValueError):
    """store.url cannot be meant; the text goes on after its name."""


def url(text: str, password: str | None = None) -> sa.URL:
    """The URL that settings give; a plain `postgresql:` gets the driver that is installed. password: instead of what
    the URL has of it. Raises BadUrl."""
    try:
        found = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise BadUrl("is no database URL, such as sqlite:////var/lib/falcon-hub/hub.db") from None
    if found.drivername in ("postgresql", "postgres"):
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadUrl(f"must begin with sqlite: or postgresql:, not {found.drivername}:")
    if found.drivername == "sqlite" and found.database in (None, "", ":memory:"):
        raise BadUrl("needs a file: sqlite:////var/lib/falcon-hub/hub.db")
    return found if password is None else found.set(password=password)


def writer(location: sa.URL) -> sa.Engine:
    """One connection that writes. Raises Unavailable."""
    if location.drivername != "sqlite":
        return _postgresql(location, size=1)
    if location.database:
        directory = os.path.dirname(os.path.abspath(location.database))
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
        except OSError as error:
            raise records.Unavailable(f"cannot make {directory}: {error.strerror}") from None
    engine = sa.create_engine(location, pool_size=1, max_overflow=0)
    _sqlite(engine, "BEGIN IMMEDIATE", (f"cache_size=-{_WRITER_CACHE_KIB}", f"wal_autocheckpoint={_CHECKPOINT_PAGES}"))
    return engine


def readers(location: sa.URL) -> sa.Engine:
    """As many connections as there are reading threads; they cannot write."""
    if location.drivername != "sqlite":
        return _postgresql(location, size=READERS)
    engine = sa.create_engine(location, pool_size=READERS, max_overflow=0)
    _sqlite(engine, "BEGIN", ("query_only=ON", "cache_size=-8192"))
    return engine


def holder(location: sa.URL) -> sa.Engine:
    """PostgreSQL's alone: a connection outside of transactions that both sides soon give up when the other is gone."""
    options = {f"tcp_{name}": number for name, number in _KEEPALIVES.items()}
    options["statement_timeout"] = _HOLDER_MILLISECONDS
    return sa.create_engine(
        location,
        poolclass=sa.pool.NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={
            **_KEEPALIVES,
            "connect_timeout": _CONNECT_SECONDS,
            "tcp_user_timeout": 2 * _HOLDER_MILLISECONDS,
            "application_name": "falcon-hub leader",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


def checkpointer(location: sa.URL) -> sa.Engine:
    """SQLite's alone: a connection outside of transactions."""
    engine = sa.create_engine(location, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=FULL").close())
    return engine


def _sqlite(engine: sa.Engine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver's own ideas of when a transaction begins are switched off; `begin` below says it.
        connection.isolation_level = None
        for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)


def _postgresql(location: sa.URL, size: int) -> sa.Engine:
    return sa.create_engine(
        location,
        pool_size=size,
        max_overflow=0,
        # A server that was restarted is found out by a ping, not by a failed request.
        pool_pre_ping=True,
        pool_timeout=_CONNECT_SECONDS,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "options": f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
        },
    )


def unavailable(error: Exception) -> records.Unavailable | None:
    """What a driver's error means, if it means that the database is not to be had now."""
    if isinstance(error, sa.exc.TimeoutError | sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError):
        cause = getattr(error, "orig", None) or error
        return records.Unavailable(" ".join(str(cause).split())[:200])
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return records.Unavailable("the connection to the database broke")
    return None

"""Carries what is committed from SQLite's log into its tables, beside the writer.

Left to SQLite the writer does it within a commit, and on a busy disk everybody who waits for that commit waits for
seconds. What this thread does not manage the writer still does, at a longer log, so the log stays bounded.
"""

from __future__ import annotations

import contextlib
import threading

import sqlalchemy as sa

from falcon_hub.store import database

_SECONDS = 0.5


class Checkpoints:
    """Runs until `close`. Does nothing for databases other than SQLite."""

    def __init__(self, location: sa.URL) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if location.drivername == "sqlite":
            self._engine = database.checkpointer(location)
            self._thread = threading.Thread(target=self._run, name="store-checkpoints", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._engine.dispose()

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            # A full disk and the like are the writer's to tell.
            with contextlib.suppress(sa.exc.SQLAlchemyError), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()

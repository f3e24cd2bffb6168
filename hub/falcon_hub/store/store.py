"""The facade: what the rest of the hub knows of the store. Every method is for the event loop and returns plain data.

Writes return when they are committed. `records.Unavailable` means: not now; nothing was changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from types import TracebackType
from typing import Self, TypeVar

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import (
    accounts,
    checkpoints,
    database,
    filters,
    live,
    marks,
    migrating,
    notes,
    progress,
    reading,
    records,
    retention,
    writing,
)

T = TypeVar("T")
Letters = list[records.DeadLetter]

_FOREIGN_SECONDS = 1.0
"""How often `wait` looks for alerts that another replica committed; its own are told at once."""


class Store:
    """An open store, `await Store.open(url)`; close it."""

    def __init__(self, location: sa.URL, last_seq: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._readers = database.readers(location)
        self._threads = futures.ThreadPoolExecutor(database.READERS, "store-reader")
        self._last_seq = last_seq
        # Of the audit log; 0: none was written yet by this hub.
        self._last_note = 0
        # SQLite has one hub; its own commits are all there are.
        self._shared = location.drivername != "sqlite"
        self._changed = asyncio.Condition()
        self._live = live.Live(self._loop)
        self._writer = writing.Writer(database.writer(location), self._committed)
        self._checkpoints = checkpoints.Checkpoints(location)
        self.dead_letters = DeadLetters(self)
        self.silences = notes.Silences(self)
        self.acknowledgements = notes.Acknowledgements(self)
        self.accounts = accounts.Accounts(self)

    @classmethod
    async def open(cls, url: str, password: str | None = None) -> Self:
        """Makes or migrates the tables first. Raises BadUrl, Unavailable, MigrationError."""
        location = database.url(url, password)
        last_seq = await asyncio.to_thread(migrating.upgrade, location)
        return cls(location, last_seq)

    async def close(self) -> None:
        """Commits what waits."""
        self._live.close()
        await asyncio.to_thread(self._checkpoints.close)
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- alerts ---------------------------------------------------------------------------------

    async def add(self, found: Sequence[alerts.Alert]) -> records.Added:
        """Commits them, each uuid once. After this returned, not even a power failure takes them back."""
        if not found:
            return records.Added(0, 0)
        return await self._writer.add(found)

    async def after(self, seq: int, limit: int) -> list[records.Stored]:
        """Alerts with numbers above `seq`, in order, silenced ones too."""
        return await self.read(lambda connection: reading.after(connection, seq, limit))

    async def wait(self, seq: int, seconds: float) -> bool:
        """Until there are alerts with numbers above `seq`, or the time is over; says which."""
        return await self._until(lambda: self._last_seq > seq, seconds)

    async def wait_for_news(self, seq: int, note: int, seconds: float) -> bool:
        """As `wait`, but also until the audit log goes further than `note`."""
        return await self._until(lambda: self._last_seq > seq or self._last_note > note, seconds)

    async def _until(self, there: Callable[[], bool], seconds: float) -> bool:
        end = self._loop.time() + seconds
        while not there():
            left = end - self._loop.time()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, _FOREIGN_SECONDS) if self._shared else left), self._changed:
                    await self._changed.wait_for(there)
            except TimeoutError:
                if self._shared:
                    self._last_seq = max(self._last_seq, await self.read(reading.last_seq))
                    self._last_note = max(self._last_note, await self.last_note())
        return True

    async def last_note(self) -> int:
        """The newest entry of the audit log."""
        return await self.read(marks.last_note)

    async def marks(self, note: int) -> records.Marks:
        """What people have said since `note` (see `marks`), or the first part of it."""
        return await self.read(lambda connection: marks.after(connection, note))

    def subscribe(self) -> live.Subscription:
        """What is committed from now on: ``async with store.subscribe() as live: async for batch in live``."""
        return self._live.subscribe()

    async def get(self, uuid: str) -> records.Stored | None:
        return await self.read(lambda connection: reading.get(connection, uuid))

    async def page(self, chosen: filters.Filter, before: str | None = None, limit: int = 100) -> records.Page:
        """Newest first. before: `next` of the page before. Raises ValueError when it is none."""
        now = time.time_ns()
        return await self.read(lambda connection: reading.page(connection, chosen, before, limit, now))

    async def count(self, chosen: filters.Filter) -> dict[int, int]:
        """Priority to how many."""
        now = time.time_ns()
        return await self.read(lambda connection: reading.count(connection, chosen, now))

    async def timeline(self, chosen: filters.Filter, buckets: int) -> records.Timeline:
        """At most `buckets` spans of equal width between the filter's times (or the first alert, and now)."""
        now = time.time_ns()
        return await self.read(lambda connection: reading.timeline(connection, chosen, buckets, now))

    async def top(self, chosen: filters.Filter, by: str, limit: int = 10) -> list[records.Top]:
        """by: one of `filters.DIMENSIONS`, or `tag`; else ValueError."""
        now = time.time_ns()
        return await self.read(lambda connection: reading.top(connection, chosen, by, limit, now))

    async def size(self) -> records.Size:
        return await self.read(reading.size)

    async def remove(self, before_ns: int, most_bytes: int) -> records.Removed:
        """Some of the alerts that came before that moment, or that are too many; call it until it removes none."""
        return await self.write(lambda connection: retention.remove(connection, before_ns, most_bytes))

    async def check(self) -> None:
        """Raises Unavailable when the database cannot be asked or does not take writes."""
        await self.read(reading.last_seq)
        await self.write(reading.touch)

    # --- sinks ----------------------------------------------------------------------------------

    async def cursor(self, sink: str, *, beginning: bool = False) -> int:
        """The last number the sink is done with. One that is new begins with what comes from now on, or with the
        oldest alert there is."""
        return await self.write(lambda connection: progress.cursor(connection, sink, beginning))

    async def advance(self, sink: str, seq: int, state: str | None = None) -> None:
        """The sink is done with everything up to `seq`, but for what `state` holds of it. Never goes backwards."""
        await self.write(lambda connection: progress.advance(connection, sink, seq, state))

    async def state(self, sink: str) -> str | None:
        """What the last `advance` gave."""
        return await self.read(lambda connection: progress.state(connection, sink))

    async def cursors(self) -> list[records.CursorState]:
        """Of all sinks there ever were."""
        return await self.read(progress.states)

    # --- for the parts of this facade -------------------------------------------------------------

    async def read(self, act: Callable[[sa.Connection], T]) -> T:
        """Runs a question in a reading thread."""
        return await self._loop.run_in_executor(self._threads, self._read, act)

    async def write(self, act: Callable[[sa.Connection], T]) -> T:
        """Runs a change in the writer's thread; returns after its commit."""
        return await self._writer.run(act)

    def noted(self, note: int) -> None:
        """The audit log has this new entry. On the loop."""
        self._last_note = max(self._last_note, note)
        self._wake = asyncio.ensure_future(self._notify())

    def _read(self, act: Callable[[sa.Connection], T]) -> T:
        try:
            with self._readers.connect() as connection:
                return act(connection)
        except sa.exc.SQLAlchemyError as error:
            if meaning := database.unavailable(error):
                raise meaning from None
            raise

    def _committed(self, stored: list[records.Stored]) -> None:
        # At the very end there may be nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell, stored)

    def _tell(self, stored: list[records.Stored]) -> None:
        self._last_seq = max(self._last_seq, stored[-1].seq)
        self._live.tell(stored)
        # Nobody holds the lock for longer than a moment on the loop, so this is no wait.
        self._wake = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class DeadLetters:
    """What receivers refused, or what was tried too often. Alerts stay in the store; these are notes about them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, sink: str, seqs: Sequence[int], reason: str, attempts: int) -> None:
        await self._store.write(lambda connection: progress.add_dead(connection, sink, seqs, reason, attempts))

    async def list(
        self, sink: str | None = None, limit: int = 100, after_id: int = 0, ids: Sequence[int] | None = None
    ) -> Letters:
        """Oldest first. ids: only these, as many as a question may name, which is some hundreds."""
        return await self._store.read(lambda connection: progress.dead(connection, sink, limit, after_id, ids=ids))

    async def count(self) -> dict[str, int]:
        """Sink to how many."""
        return await self._store.read(progress.count_dead)

    async def retry(self, ids: Sequence[int] | None = None, *, sink: str | None = None) -> int:
        """Marks them to be tried once more; the sink's worker takes them from `due`. How many there were. None: all."""
        return await self._store.write(lambda connection: progress.retry_dead(connection, ids, sink))

    async def due(self, sink: str, limit: int) -> Letters:
        """Marked ones. Delivered: `drop` them; refused again: `add` takes the mark off."""
        return await self._store.read(lambda connection: progress.dead(connection, sink, limit, 0, retry=True))

    async def drop(self, ids: Sequence[int] | None = None, *, sink: str | None = None) -> int:
        """Forgets them; the alerts stay. How many there were. None: all."""
        return await self._store.write(lambda connection: progress.drop_dead(connection, ids, sink))

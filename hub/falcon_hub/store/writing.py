"""The writer: one thread, one connection, whatever waits goes into one transaction.

While a commit is under way the next requests gather, so a slow disk makes groups larger instead of requests fewer.
Whoever waits for a job gets its result after the commit, never before: what was accepted is on disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from falcon_hub import alerts
from falcon_hub.store import database, inserting, records

T = TypeVar("T")

MOST_WAITING = 50_000
"""Alerts that may wait for the disk: about 100 MB. Beyond that senders keep theirs."""
_MOST_IN_GROUP = 5_000
"""Alerts of one transaction: a second's work, so that nobody waits much longer than that."""


@dataclass(slots=True)
class _Job:
    future: futures.Future[Any]
    act: Callable[[sa.Connection], Any] | None = None
    alerts: Sequence[alerts.Alert] = field(default=())


class Writer:
    """committed: called in the writer's thread with new alerts after their commit."""

    def __init__(self, engine: sa.Engine, committed: Callable[[list[records.Stored]], None]) -> None:
        self._engine, self._committed = engine, committed
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._closed = False
        self._inserter = inserting.Inserter()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def add(self, found: Sequence[alerts.Alert]) -> records.Added:
        """Returns when they are committed. Raises Unavailable: none of them was taken, or nobody knows."""
        with self._lock:
            if self._waiting and self._waiting + len(found) > MOST_WAITING:
                raise records.Unavailable("more alerts wait for the disk than may")
            self._waiting += len(found)
        try:
            added: records.Added = await self._put(_Job(futures.Future(), alerts=found))
        finally:
            with self._lock:
                self._waiting -= len(found)
        return added

    async def run(self, act: Callable[[sa.Connection], T]) -> T:
        """The result of `act`, committed. Its own exceptions undo it alone; Unavailable as in `add`."""
        result: T = await self._put(_Job(futures.Future(), act=act))
        return result

    async def _put(self, job: _Job) -> Any:
        if self._closed:
            raise records.Unavailable("the hub is stopping")
        self._jobs.put(job)
        # Shielded: a client that goes away must not cancel what the thread is about to do.
        return await asyncio.shield(asyncio.wrap_future(job.future))

    def close(self) -> None:
        """Does what waits, then ends. Waits for that."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            group, last = self._gather()
            if group:
                self._transact(group)
            if last:
                return

    def _gather(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        size = 0
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            size += len(job.alerts)
            if size >= _MOST_IN_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _transact(self, group: list[_Job]) -> None:
        adding = [job for job in group if job.alerts]
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        stored: list[records.Stored] = []
        try:
            with self._engine.begin() as connection:
                if adding:
                    stored, added = self._inserter.insert(connection, [job.alerts for job in adding])
                    outcomes += [(job, each, None) for job, each in zip(adding, added, strict=True)]
                for job in group:
                    if not job.alerts:
                        outcomes.append((job, *_act(connection, job)))
        except Exception as error:
            # Whatever it was, nothing was committed. Nobody may be left waiting, and the thread goes on.
            self._inserter.forget()
            self._failed(group, error)
            return
        if stored:
            self._committed(stored)
        for job, result, problem in outcomes:
            if problem is not None:
                job.future.set_exception(problem)
            else:
                job.future.set_result(result)

    def _failed(self, group: list[_Job], error: Exception) -> None:
        away = database.unavailable(error)
        if away is None and len(group) > 1:
            # One of them is at fault; the others must not suffer for it.
            for job in group:
                self._transact([job])
            return
        for job in group:
            job.future.set_exception(away or error)


def _act(connection: sa.Connection, job: _Job) -> tuple[Any, BaseException | None]:
    assert job.act is not None
    try:
        with connection.begin_nested():
            return job.act(connection), None
    except Exception as error:
        if database.unavailable(error):
            raise
        return None, error

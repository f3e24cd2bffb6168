"""All sinks of a hub: made from the settings, run side by side while this hub leads, asked how they do."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from falcon_hub.routing import delivery, links, states, worker
from falcon_hub.settings import model
from falcon_hub.sinks import base, options, registry
from falcon_hub.store import leading, records, store

END_SECONDS = 2.0
"""What a request under way at the end gets. What it has not delivered by then is sent after the next start."""


class Router:
    """`async with Router(...)`: the sinks' places are known before it is entered, and nothing runs after it is left."""

    def __init__(
        self, workers: Sequence[worker.Worker], kept: store.Store, tell: delivery.Tell, leader: leading.Leader
    ) -> None:
        self.workers = tuple(workers)
        self._store, self._tell, self._leader = kept, tell, leader
        self._tasks: list[asyncio.Task[None]] = []
        self._following: asyncio.Task[None] | None = None
        self._sends = False

    @classmethod
    def make(
        cls,
        sinks: Sequence[model.Sink],
        defaults: Mapping[str, Any],
        kept: store.Store,
        tell: delivery.Tell,
        address: str | None = None,
        leader: leading.Leader | None = None,
    ) -> Self:
        """address: where people reach the page, for links to it. leader: whether this hub sends; always, without.
        Raises base.Unusable, which says which sink and what is wrong with it."""
        link = links.template(address)
        workers = [_worker(wanted, kept, tell, link) for wanted in registry.read(sinks, defaults)]
        return cls(workers, kept, tell, leader or leading.Alone())

    async def __aenter__(self) -> Self:
        # Whoever leads: a sink that is new begins here.
        for each in self.workers:
            await each.begin()
        if self._leader.leads:
            self._start()
        elif self.workers:
            self._tell("another hub on this database sends to the sinks; this one takes over when it is gone")
        self._following = asyncio.create_task(self._follow(), name="sinks follow the leader")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._stop()
        await asyncio.gather(*(_closed(each) for each in self.workers))

    async def _follow(self) -> None:
        while True:
            if not self._sends:
                await self._leader.wait(True)
                if self.workers:
                    self._tell("this hub sends to the sinks from now on")
                await self._begin()
                self._start()
            await self._leader.wait(False)
            if self.workers:
                self._tell("this hub sends to the sinks no more: its lock in the database is lost")
            await self._stop()

    async def _begin(self) -> None:
        """Where the hub before got to."""
        for each in self.workers:
            while True:
                try:
                    await each.begin()
                    break
                except records.Unavailable:
                    await asyncio.sleep(worker.STORE_PAUSE_SECONDS)

    def _start(self) -> None:
        self._sends = True
        for each in self.workers:
            each.delivery.stopping = False
        self._tasks = [
            asyncio.create_task(each.run(), name=f"sink {each.wanted.name}")
            for each in self.workers
            if each.wanted.enabled
        ]

    async def _stop(self) -> None:
        """Finishes requests under way, and notes how far each sink is."""
        self._sends = False
        for each in self.workers:
            each.delivery.stop()
        busy = [task for each, task in self._running() if each.delivery.sending]
        for task in set(self._tasks) - set(busy):
            task.cancel()
        if busy:
            await asyncio.wait(busy, timeout=END_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _running(self) -> Iterable[tuple[worker.Worker, asyncio.Task[None]]]:
        return zip((each for each in self.workers if each.wanted.enabled), self._tasks, strict=True)

    async def states(self) -> list[states.SinkState]:
        """Of all sinks, in the order of the settings. Raises Unavailable."""
        cursors = {each.sink: each for each in await self._store.cursors()}
        dead = await self._store.dead_letters.count()
        found = [each.told(cursors.get(each.wanted.name), dead.get(each.wanted.name, 0)) for each in self.workers]
        if self._leader.leads:
            return found
        return [each if each.state == "disabled" else dataclasses.replace(each, state="standby") for each in found]


def _worker(wanted: options.Common, kept: store.Store, tell: Callable[[str], None], link: str | None) -> worker.Worker:
    sink = registry.make(wanted)
    try:
        return worker.Worker(wanted, sink, kept, tell, link)
    except base.Unusable as error:
        raise base.Unusable(f"sink {wanted.name}: {error}") from None


async def _closed(each: worker.Worker) -> None:
    try:
        async with asyncio.timeout(END_SECONDS):
            await each.sink.close()
    except (TimeoutError, OSError):
        return

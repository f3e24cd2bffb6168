"""All sinks of a hub: made from the settings, run side by side, asked how they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from falcon_hub.routing import delivery, links, states, worker
from falcon_hub.settings import model
from falcon_hub.sinks import base, options, registry
from falcon_hub.store import store

END_SECONDS = 2.0
"""What a request under way at the end gets. What it has not delivered by then is sent after the next start."""


class Router:
    """`async with Router(...)`: the sinks' places are known before it is entered, and nothing runs after it is left."""

    def __init__(self, workers: Sequence[worker.Worker], kept: store.Store) -> None:
        self.workers = tuple(workers)
        self._store = kept
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def make(
        cls,
        sinks: Sequence[model.Sink],
        defaults: Mapping[str, Any],
        kept: store.Store,
        tell: delivery.Tell,
        address: str | None = None,
    ) -> Self:
        """address: where people reach the page, for links to it. Raises base.Unusable, which says which sink and what
        is wrong with it."""
        link = links.template(address)
        return cls([_worker(wanted, kept, tell, link) for wanted in registry.read(sinks, defaults)], kept)

    async def __aenter__(self) -> Self:
        for each in self.workers:
            await each.begin()
        self._tasks = [
            asyncio.create_task(each.run(), name=f"sink {each.wanted.name}")
            for each in self.workers
            if each.wanted.enabled
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        await asyncio.gather(*(_closed(each) for each in self.workers))

    def _running(self) -> Iterable[tuple[worker.Worker, asyncio.Task[None]]]:
        return zip((each for each in self.workers if each.wanted.enabled), self._tasks, strict=True)

    async def states(self) -> list[states.SinkState]:
        """Of all sinks, in the order of the settings. Raises Unavailable."""
        cursors = {each.sink: each for each in await self._store.cursors()}
        dead = await self._store.dead_letters.count()
        return [each.told(cursors.get(each.wanted.name), dead.get(each.wanted.name, 0)) for each in self.workers]


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

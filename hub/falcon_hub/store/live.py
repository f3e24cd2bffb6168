"""Tells what was just committed to whoever looks on: the page's live tail.

Not for sinks: they read `after` their cursor, which forgets nothing. A subscriber that is slow misses the oldest.
"""

from __future__ import annotations

import asyncio
import collections
from types import TracebackType
from typing import Self

from falcon_hub.store import records

_MOST_BATCHES = 256
"""Commits a subscriber may be behind: seconds of the highest rate."""


class Live:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    def subscribe(self) -> Subscription:
        subscription = Subscription(self._subscriptions)
        if self._closed:
            subscription.end()
        return subscription

    def tell(self, stored: list[records.Stored]) -> None:
        """On the loop."""
        for each in self._subscriptions:
            each.tell(stored)

    def close(self) -> None:
        """Ends every subscription."""
        self._closed = True
        for each in set(self._subscriptions):
            each.end()


class Subscription:
    """An asynchronous iterator of lists of new alerts; `missed` alerts were dropped because nobody took them."""

    def __init__(self, among: set[Subscription]) -> None:
        self.missed = 0
        self._among = among
        self._batches: collections.deque[list[records.Stored]] = collections.deque()
        self._there = asyncio.Event()
        self._ended = False
        among.add(self)

    def tell(self, stored: list[records.Stored]) -> None:
        if len(self._batches) >= _MOST_BATCHES:
            self.missed += len(self._batches.popleft())
        self._batches.append(stored)
        self._there.set()

    def end(self) -> None:
        self._ended = True
        self._among.discard(self)
        self._there.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[records.Stored]:
        while not self._batches:
            if self._ended:
                raise StopAsyncIteration
            self._there.clear()
            await self._there.wait()
        return self._batches.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

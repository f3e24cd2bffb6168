"""Who gets which alert: every subscriber all of them; while there is none they wait for whoever comes first.

    put --> with subscribers:     into the queue of each, the oldest goes where one is full
            without subscribers:  into the backlog, the oldest goes when it is full
    a subscriber leaves --> what it alone had waiting goes back in front of the backlog

An alert is settled when somebody has read it, or when it was dropped everywhere. No I/O here; one thread.
"""

from __future__ import annotations

import asyncio
import collections
from dataclasses import dataclass


@dataclass(slots=True)
class Item:
    """data: as it is sent. holders: queues it is in."""

    data: bytes
    holders: int = 0
    read: bool = False


@dataclass(slots=True)
class Counters:
    """settled, too_many: alerts. sent: messages to clients. slow: alerts a subscriber missed, summed over them."""

    taken: int = 0
    settled: int = 0
    sent: int = 0
    too_many: int = 0
    slow: int = 0


class Fanout:
    """capacity: alerts in the backlog and in each subscriber's queue."""

    def __init__(self, capacity: int) -> None:
        self.counters = Counters()
        self.subscriptions: set[Subscription] = set()
        self._capacity = capacity
        self._backlog: collections.deque[Item] = collections.deque()
        self._finished = False
        self.alone = asyncio.Event()
        """There are no subscribers."""
        self.alone.set()

    def put(self, data: bytes) -> None:
        self.counters.taken += 1
        item = Item(data)
        if not self.subscriptions:
            self._backlog.append(item)
            self._bound()
        for each in self.subscriptions:
            each.append(item, self._capacity)

    def subscribe(self) -> Subscription:
        """Takes over the backlog. `close` it in the end."""
        found = Subscription(self, self._backlog)
        self._backlog = collections.deque()
        self.subscriptions.add(found)
        self.alone.clear()
        if self._finished:
            found.finish()
        return found

    @property
    def waiting(self) -> int:
        return len(self._backlog)

    def pop(self) -> Item | None:
        """The oldest of the backlog. `done` or `back` follows."""
        return self._backlog.popleft() if self._backlog else None

    def back(self, items: list[Item]) -> None:
        """Nobody got these, oldest first."""
        if self.subscriptions:
            # Whoever came meanwhile gets them; late is better than never.
            for each in self.subscriptions:
                each.extendleft(items, self._capacity)
            return
        self._backlog.extendleft(reversed(items))
        self._bound()

    def done(self, item: Item) -> None:
        """It has been sent to somebody."""
        self.counters.sent += 1
        if not item.read:
            item.read = True
            self.counters.settled += 1

    def finish(self) -> None:
        """Nothing follows: subscribers get what waits for them, then the end."""
        self._finished = True
        for each in self.subscriptions:
            each.finish()

    def _bound(self) -> None:
        while len(self._backlog) > self._capacity:
            self._backlog.popleft()
            self.counters.too_many += 1
            self.counters.settled += 1


class Subscription:
    """What one subscriber still gets. Made by `Fanout.subscribe`."""

    def __init__(self, fanout: Fanout, backlog: collections.deque[Item]) -> None:
        self._fanout = fanout
        self._queue = backlog
        for item in backlog:
            item.holders = 1
        self._changed = asyncio.Event()
        self._finished = False

    def append(self, item: Item, capacity: int) -> None:
        item.holders += 1
        self._queue.append(item)
        self._changed.set()
        self._bound(capacity)

    def extendleft(self, items: list[Item], capacity: int) -> None:
        for item in reversed(items):
            item.holders += 1
            self._queue.appendleft(item)
        self._changed.set()
        self._bound(capacity)

    async def head(self) -> Item | None:
        """The next one, which stays until `sent`; None at the end."""
        while not self._queue:
            if self._finished:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._queue[0]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def sent(self, item: Item) -> None:
        # While it was under way it may have been dropped as the oldest.
        if self._queue and self._queue[0] is item:
            self._queue.popleft()
            item.holders -= 1
        self._fanout.done(item)

    def finish(self) -> None:
        self._finished = True
        self._changed.set()

    def close(self) -> None:
        self._fanout.subscriptions.discard(self)
        for item in self._queue:
            item.holders -= 1
        self._fanout.back([item for item in self._queue if not item.holders and not item.read])
        self._queue.clear()
        if not self._fanout.subscriptions:
            self._fanout.alone.set()

    def _bound(self, capacity: int) -> None:
        counters = self._fanout.counters
        while len(self._queue) > capacity:
            item = self._queue.popleft()
            item.holders -= 1
            counters.slow += 1
            if not item.holders and not item.read:
                counters.settled += 1
                item.read = True

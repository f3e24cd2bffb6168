"""A store, a clock and a receiver that a test holds in its hands: minutes pass in no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tests.hub.sinks import support as sinks

from falcon_hub import alerts
from falcon_hub.routing import clocks, worker
from falcon_hub.sinks import base, dialects
from falcon_hub.store import records


class Clock(clocks.Clock):
    """Time passes when somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def now_ns(self) -> int:
        return 1_795_500_000_000_000_000 + int(self.now * 1e9)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Letters:
    """Dead letters of the spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.found: dict[int, tuple[int, str, int]] = {}
        self.marked: set[int] = set()

    async def add(self, sink: str, seqs: Sequence[int], reason: str, attempts: int) -> None:
        self._spool.check()
        for seq in seqs:
            self.found[seq] = (seq, reason, attempts)
            self.marked.discard(seq)

    async def drop(self, ids: Sequence[int]) -> int:
        self._spool.check()
        for each in ids:
            del self.found[each]
        return len(ids)

    async def due(self, sink: str, limit: int) -> list[records.DeadLetter]:
        self._spool.check()
        return [
            records.DeadLetter(seq, sink, seq, self.found[seq][1], self.found[seq][2], 0, self._spool.alerts[seq - 1])
            for seq in sorted(self.marked)[:limit]
        ]


class Spool:
    """The store as a worker sees it. away: it cannot be asked. gone: retention has removed alerts up to this number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.alerts: list[alerts.Alert] = []
        self.silenced: set[int] = set()
        self.seq = 0
        self.kept: str | None = None
        self.advanced: list[int] = []
        self.away = False
        self.gone = 0
        self.dead_letters = Letters(self)
        self.idle: Callable[[], None] = lambda: None
        """Called when the worker has nothing to do."""

    def check(self) -> None:
        if self.away:
            raise records.Unavailable("away")

    async def after(self, seq: int, limit: int) -> list[records.Stored]:
        self.check()
        start = max(seq, self.gone)
        return [
            records.Stored(number, alert, 0, 1 if number in self.silenced else None)
            for number, alert in enumerate(self.alerts[start : start + limit], start + 1)
        ]

    async def wait(self, seq: int, seconds: float) -> bool:
        self.idle()
        if len(self.alerts) <= seq:
            await self._clock.sleep(seconds)
        return len(self.alerts) > seq

    async def cursor(self, sink: str, *, beginning: bool = False) -> int:
        self.check()
        return self.seq

    async def advance(self, sink: str, seq: int, state: str | None = None) -> None:
        self.check()
        self.seq = max(self.seq, seq)
        self.kept = state
        self.advanced.append(seq)

    async def state(self, sink: str) -> str | None:
        return self.kept


class Receiver:
    """A sink that keeps what it is sent. script: what becomes of the next batches, before all goes well."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.sent: list[base.Message] = []
        self.batches: list[int] = []
        self.script: list[base.Outcome] = []
        self.fails: Callable[[], base.Failed | None] = lambda: None

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        self.batches.append(len(batch))
        failure = self.fails()
        if failure is not None:
            return base.Outcome(0, {}, failure)
        outcome = self.script.pop(0) if self.script else base.Outcome(len(batch))
        self.sent += [each for index, each in enumerate(batch[: outcome.done]) if index not in outcome.refused]
        return outcome

    async def close(self) -> None:
        return

    @property
    def uuids(self) -> list[str]:
        return [each.alert.uuid for each in self.sent]


class Bench:
    """A worker between a spool and a receiver."""

    def __init__(self, kind: str = "webhook", batch: int = 1, **given: Any) -> None:
        own = {"webhook": {"url": "http://x/"}, "slack": {"webhook_url": "http://x/"}}[kind]
        self.clock = Clock()
        self.spool = Spool(self.clock)
        self.receiver = Receiver(batch)
        self.said: list[str] = []
        self.wanted = sinks.wanted(kind, **own, **given)
        self.worker = self._worker()
        self.finished = False
        """The worker has ended by itself."""

    def _worker(self) -> worker.Worker:
        return worker.Worker(self.wanted, self.receiver, self.spool, self.said.append, None, self.clock)

    def restart(self) -> None:
        """As after a kill: nothing is left but what the spool has."""
        self.worker = self._worker()

    def put(self, *found: alerts.Alert) -> None:
        self.spool.alerts += found

    async def run(self, until: Callable[[], bool] | None = None, seconds: float = 0.0) -> None:
        """Until `until` holds, or nothing is left to do and `seconds` of the clock have passed."""
        end = self.clock.now + seconds
        await self.worker.begin()
        task = asyncio.create_task(self.worker.run())
        quiet = asyncio.Event()

        def idle() -> None:
            if until is None and self.clock.now >= end:
                quiet.set()

        self.spool.idle = idle
        try:
            async with asyncio.timeout(300):
                while not (until() if until else quiet.is_set()):
                    await asyncio.sleep(0)
                    if task.done():
                        task.result()
                        self.finished = True
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def many(count: int, **members: Any) -> list[alerts.Alert]:
    return [sinks.alert(number, **members) for number in range(count)]

"""One sink's sending: again after failures, in order, until the receiver has a message or has refused it for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from falcon_hub.routing import clocks, pacing, states
from falcon_hub.sinks import base, options, redaction

MOST_REQUESTS: Final = 20
"""Of one batch: mails over one connection, halves of halves of a refused batch."""
QUIET_SECONDS: Final = 60.0
"""Between two lines about refused alerts: a receiver may refuse every one."""
Tell = Callable[[str], None]
"""Takes one line for whoever runs the hub."""


class Dead(Protocol):
    """Where dead letters go: the store's."""

    async def add(self, sink: str, seqs: Sequence[int], reason: str, attempts: int) -> None: ...

    async def drop(self, ids: Sequence[int]) -> int: ...


class Stopped(Exception):
    """The hub ends; what was delivered so far is."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and the alerts it stands for. seqs: those that become dead letters when it is refused. letter: the
    dead letter that it is another attempt of; attempts: how many there were before."""

    message: base.Message
    seqs: tuple[int, ...]
    letter: int | None = None
    attempts: int = 0


@dataclass(slots=True)
class Health:
    error: str | None = None
    error_ns: int | None = None
    success_ns: int | None = None
    failing: bool = False
    since: float | None = field(default=None)
    """When the message in front failed first; monotonic."""
    attempts: int = 0


class Delivery:
    """Sends through one sink."""

    def __init__(self, wanted: options.Common, sink: base.Sink, dead: Dead, clock: clocks.Clock, tell: Tell) -> None:
        self._wanted, self._sink, self._dead, self._clock, self._tell = wanted, sink, dead, clock, tell
        self._redact = redaction.Redactor(wanted.secrets())
        self._backoff = pacing.Backoff(wanted.retry)
        self.breaker = pacing.Breaker(wanted.breaker)
        self.counts = states.Counts()
        self.health = Health()
        self._told = False
        self._refusal_told: float | None = None
        self.stopping = False
        self.sending = False
        """A request is under way: cancelling now would send it twice."""

    def stop(self) -> None:
        """Nothing new is sent."""
        self.stopping = True

    async def deliver(self, parcels: Sequence[Parcel], done: Callable[[Parcel], None] = lambda parcel: None) -> None:
        """Returns when each is delivered or a dead letter. done: called for each then, in order. Raises Stopped."""
        waiting = list(parcels)
        while waiting:
            most = 1 if self.breaker.state is pacing.State.HALF_OPEN else self._sink.batch
            if self.stopping:
                raise Stopped
            outcome = await self._send(waiting[:most])
            if outcome.failure is None and outcome.done < len(waiting[:most]):
                failure = base.Failed("not all was sent, and no reason said")
                outcome = base.Outcome(outcome.done, outcome.refused, failure)
            await self._settle(waiting[: outcome.done], outcome)
            for parcel in waiting[: outcome.done]:
                done(parcel)
            waiting = waiting[outcome.done :]
            if outcome.done:
                self._progress()
            if outcome.failure is not None and waiting:
                waiting = await self._failed(outcome.failure, waiting, done)

    async def _send(self, parcels: Sequence[Parcel]) -> base.Outcome:
        # A sink bounds each of its requests, and makes a few at most; this is for one that does not come back at all.
        bound = self._wanted.timeout_seconds * (1 + min(len(parcels), MOST_REQUESTS))
        self.sending = True
        try:
            async with asyncio.timeout(bound):
                return await self._sink.send([parcel.message for parcel in parcels])
        except TimeoutError:
            return base.Outcome(0, {}, base.Failed(f"no answer within {bound:g} s"))
        except Exception as error:
            # A sink must not raise. If it does, its alerts still wait for their turn.
            return base.Outcome(0, {}, base.Failed(f"unexpected {type(error).__name__}: {error}"))
        finally:
            self.sending = False

    async def _settle(self, parcels: Sequence[Parcel], outcome: base.Outcome) -> None:
        for index, parcel in enumerate(parcels):
            reason = outcome.refused.get(index)
            if reason is None:
                self.counts.messages += 1
                self.counts.delivered += parcel.message.count
                if parcel.letter is not None:
                    await self._dead.drop([parcel.letter])
            else:
                await self._bury(parcel, reason)

    async def _bury(self, parcel: Parcel, reason: str) -> None:
        reason = self._redact(reason)
        await self._dead.add(self._wanted.name, parcel.seqs, reason, parcel.attempts + self.health.attempts + 1)
        self.counts.refused += len(parcel.seqs)
        now = self._clock.monotonic()
        if self._refusal_told is None or now - self._refusal_told >= QUIET_SECONDS:
            self._refusal_told = now
            self._tell(f"sink {self._wanted.name}: an alert was refused ({reason}); it is kept as a dead letter")

    def _progress(self) -> None:
        health = self.health
        health.failing, health.since, health.attempts = False, None, 0
        health.success_ns = self._clock.now_ns()
        self._backoff.succeeded()
        self.breaker.succeeded()
        if self._told:
            self._told = False
            self._tell(f"sink {self._wanted.name}: works again")

    async def _failed(
        self, failure: base.Failed, waiting: list[Parcel], done: Callable[[Parcel], None]
    ) -> list[Parcel]:
        """Waits before the next attempt; what is still to be sent."""
        health = self.health
        reason = self._redact(str(failure))
        now = self._clock.monotonic()
        health.failing, health.error, health.error_ns = True, reason, self._clock.now_ns()
        health.since = now if health.since is None else health.since
        self.counts.failures += 1
        limit = self._wanted.retry.give_up_seconds
        if limit and now - health.since >= limit:
            await self._bury(waiting[0], f"given up after {health.attempts + 1} attempts: {reason}")
            done(waiting[0])
            health.since, health.attempts = None, 0
            waiting = waiting[1:]
        else:
            health.attempts += 1
        if not self._told:
            self._told = True
            self._tell(f"sink {self._wanted.name}: {reason}; alerts wait for it in the store")
        pause = max(self._backoff.failed(failure.retry_after), self.breaker.failed())
        await self._clock.sleep(pause)
        self.breaker.try_again()
        return waiting

"""One sink's sending: again after failures, in order, until the receiver has a message or has refused it for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from falcon_hub.routing import clocks, pacing, states, suspicion
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


class Others(Protocol):
    """Messages behind those that are being delivered, of which one may be sent before its turn."""

    async def look(self) -> int:
        """How many there are now."""

    def parcel(self, nth: int) -> Parcel:
        """The nth of those that `look` found."""

    def delivered(self, parcel: Parcel) -> None:
        """It is not to be sent again."""


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
        self._suspicion = suspicion.Suspicion(wanted.retry)
        self._most = sink.batch
        """Messages of the next request: fewer after each failure that was answered, until the one at fault is alone."""
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

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        done: Callable[[Parcel], None] = lambda parcel: None,
        others: Others | None = None,
    ) -> None:
        """Returns when each is delivered or a dead letter. done: called for each then, in order. others: see
        `suspicion`; without them nothing is suspected. Raises Stopped."""
        waiting = list(parcels)
        while waiting:
            sent = waiting[: 1 if self.breaker.state is pacing.State.HALF_OPEN else self._most]
            if self.stopping:
                raise Stopped
            outcome = await self._send(sent)
            if outcome.failure is None and outcome.done < len(sent):
                failure = base.Failed("not all was sent, and no reason said")
                outcome = base.Outcome(outcome.done, outcome.refused, failure)
            await self._settle(sent[: outcome.done], outcome, self.health.attempts)
            for parcel in sent[: outcome.done]:
                done(parcel)
            waiting = waiting[outcome.done :]
            if outcome.done:
                self._progress()
            if outcome.failure is None:
                self._most = min(self._sink.batch, 2 * self._most)
            elif waiting:
                alone = len(sent) - outcome.done == 1
                if await self._failed(outcome.failure, waiting, alone, others):
                    done(waiting.pop(0))

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

    async def _settle(self, parcels: Sequence[Parcel], outcome: base.Outcome, before: int = 0) -> None:
        """before: attempts that the first of them had."""
        for index, parcel in enumerate(parcels):
            reason = outcome.refused.get(index)
            if reason is None:
                self.counts.messages += 1
                self.counts.delivered += parcel.message.count
                if parcel.letter is not None:
                    await self._dead.drop([parcel.letter])
            else:
                await self._bury(parcel, reason, 1 + (before if index == 0 else 0))

    async def _bury(self, parcel: Parcel, reason: str, attempts: int) -> None:
        reason = self._redact(reason)
        await self._dead.add(self._wanted.name, parcel.seqs, reason, parcel.attempts + attempts)
        self.counts.refused += len(parcel.seqs)
        now = self._clock.monotonic()
        if self._refusal_told is None or now - self._refusal_told >= QUIET_SECONDS:
            self._refusal_told = now
            self._tell(f"sink {self._wanted.name}: an alert was refused ({reason}); it is kept as a dead letter")

    def _progress(self) -> None:
        self.health.since, self.health.attempts, self.health.failing = None, 0, False
        self._suspicion.next()
        self._works()
        if self._told:
            self._told = False
            self._tell(f"sink {self._wanted.name}: works again")

    def _works(self) -> None:
        self.health.success_ns = self._clock.now_ns()
        self._backoff.succeeded()
        self.breaker.succeeded()

    async def _failed(self, failure: base.Failed, waiting: list[Parcel], alone: bool, others: Others | None) -> bool:
        """Waits before the next attempt; whether the message in front became a dead letter. What was sent before its
        turn is taken out of `waiting`."""
        self._note(failure)
        front = waiting[0]
        if failure.answered and not alone:
            self._most = max(1, self._most // 2)
        answered = failure.answered and alone
        buried = await self._given_up(answered, front)
        if not buried and answered and others is not None and await self._another_goes_through(waiting, others):
            return False
        # Dead letters that somebody wants tried again had their attempt; what waits behind them has waited enough.
        if not (buried and front.letter is not None):
            pause = max(self._backoff.failed(failure.retry_after), self.breaker.failed())
            await self._clock.sleep(pause)
            self.breaker.try_again()
        return buried

    def _note(self, failure: base.Failed) -> None:
        health = self.health
        health.failing, health.error, health.error_ns = True, self._redact(str(failure)), self._clock.now_ns()
        health.since = self._clock.monotonic() if health.since is None else health.since
        health.attempts += 1
        self.counts.failures += 1
        if not self._told:
            self._told = True
            self._tell(f"sink {self._wanted.name}: {health.error}; alerts wait for it in the store")

    def _failing_for(self, now: float) -> float:
        return 0.0 if self.health.since is None else now - self.health.since

    async def _given_up(self, answered: bool, front: Parcel) -> bool:
        """Makes it a dead letter, if no further attempt is due. answered: it was alone, and the receiver is there."""
        health = self.health
        now = self._clock.monotonic()
        at_fault = answered and self._suspicion.proved
        limit = self._wanted.retry.give_up_seconds
        too_long = bool(limit) and self._failing_for(now) >= limit
        if not (at_fault or too_long or (answered and front.letter is not None)):
            return False
        while_others = " while another alert went through" if at_fault else ""
        reason = f"given up after {health.attempts} attempts{while_others}: {health.error}"
        await self._bury(front, reason, health.attempts)
        health.since, health.attempts = None, 0
        if at_fault:
            self._suspicion.found(now)
        else:
            self._suspicion.next()
        return True

    async def _another_goes_through(self, waiting: list[Parcel], others: Others) -> bool:
        """Tries others before their turn, if it is time for that."""
        now = self._clock.monotonic()
        if not self._suspicion.falls_on(self.health.attempts, self._failing_for(now), now):
            return False
        behind = waiting[1:]
        count = len(behind) + await others.look()
        for nth in self._suspicion.others(count):
            if self.stopping:
                return False
            own = nth < len(behind)
            parcel = behind[nth] if own else others.parcel(nth - len(behind))
            outcome = await self._send([parcel])
            if outcome.done:
                if own:
                    waiting.remove(parcel)
                else:
                    others.delivered(parcel)
                await self._settle([parcel], outcome)
            else:
                self.counts.failures += 1
            if outcome.done and not outcome.refused:
                self._works()
                self._suspicion.went_through()
                return True
            if outcome.failure is not None and not outcome.failure.answered:
                return False
        return False

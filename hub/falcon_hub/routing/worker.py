"""One sink's worker: reads what the store has behind the cursor, decides, sends, moves the cursor.

    cursor ----> | 17 skip | 18 send | 19 hold (repeat) | 20 send | ...      store.after(cursor)
                                                          ^ advance(20, state of the windows)

What is behind the cursor is done; repeats held are in the state that is committed with it. Killed at any moment the
worker begins again at the cursor, so each alert is sent at least once, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from falcon_hub import alerts
from falcon_hub.routing import choosing, clocks, delivery, grouping, overtaking, pacing, rendering, states
from falcon_hub.sinks import base, options
from falcon_hub.store import records

FETCH: Final = 500
"""Alerts read at once: enough to fill a batch, about a megabyte."""
FETCH_DIGEST: Final = 2000
"""Alerts read at once for people, as a digest tells of that many at most."""
IDLE_SECONDS: Final = 5.0
"""How often a worker with nothing to do looks for dead letters to try again."""
STORE_PAUSE_SECONDS: Final = 1.0
"""Between two attempts at a store that is away."""
ADVANCE_SECONDS: Final = 0.1
"""A cursor moved after every message would cost a disk flush each; so much is sent again after a kill at most. Where
people read, every message moves it: they see repetitions."""


class DeadLetters(delivery.Dead, Protocol):
    async def due(self, sink: str, limit: int) -> list[records.DeadLetter]: ...


class Spool(Protocol):
    """What a worker needs of the store."""

    @property
    def dead_letters(self) -> DeadLetters: ...

    async def after(self, seq: int, limit: int) -> list[records.Stored]: ...

    async def wait(self, seq: int, seconds: float) -> bool: ...

    async def cursor(self, sink: str, *, beginning: bool = False) -> int: ...

    async def advance(self, sink: str, seq: int, state: str | None = None) -> None: ...

    async def state(self, sink: str) -> str | None: ...


class Worker:
    """link: see `rendering.Renderer`. Raises base.Unusable."""

    def __init__(
        self,
        wanted: options.Common,
        sink: base.Sink,
        spool: Spool,
        tell: delivery.Tell,
        link: str | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.wanted, self.sink, self._spool, self._tell = wanted, sink, spool, tell
        self._clock = clock or clocks.Clock()
        self._chosen = choosing.choice(wanted)
        self._renderer = rendering.Renderer(wanted, sink.escape, link)
        self._groups = grouping.Groups(wanted.grouping) if wanted.grouping else None
        self._bucket = pacing.Bucket(wanted.limit, self._clock.monotonic()) if wanted.limit else None
        self.delivery = delivery.Delivery(wanted, sink, spool.dead_letters, self._clock, tell)
        self._overtaking = overtaking.Overtaking(spool.after, self._stands_alone, self._single)
        self._fetch = FETCH_DIGEST if wanted.digests else FETCH
        self._seq = self._committed = 0
        self._moved_at = self._clock.monotonic()
        self._looked_at: float | None = None
        self._ending = False
        """The windows are of former settings."""

    @property
    def held(self) -> int:
        """Repeats that wait to be told."""
        return self._groups.held if self._groups else 0

    async def begin(self) -> None:
        """Finds the sink's place, before the first alert is taken that it must not miss. Raises Unavailable."""
        beginning = self.wanted.start == "beginning"
        self._seq = self._committed = await self._spool.cursor(self.wanted.name, beginning=beginning)
        state = await self._spool.state(self.wanted.name)
        if self._groups is None and state is not None:
            # Repeats are not counted any more; those that were are told once.
            self._groups = grouping.Groups(options.Grouping())
            self._ending = True
        if self._groups is not None:
            self._groups.load(state or "{}")
            if self._ending:
                self._groups.end()

    async def run(self) -> None:
        """Until it is stopped and has finished the request under way, or is cancelled."""
        while True:
            try:
                await self._round()
            except delivery.Stopped:
                # Windows may know of alerts that were not sent any more: what the store has of them is right.
                if self._groups is None:
                    await self._advance(force=True)
                return
            except records.Unavailable:
                # Nothing was moved; what was sent since the last commit is sent again.
                await self._clock.sleep(STORE_PAUSE_SECONDS)
                await self._return()
            except Exception as error:
                # Whatever it is, other sinks go on, and this one is seen to have trouble.
                self._tell(f"sink {self.wanted.name}: unexpected {type(error).__name__}; trying again")
                self.delivery.health.failing = True
                self.delivery.health.error = f"unexpected {type(error).__name__}"
                await self._clock.sleep(IDLE_SECONDS)
                await self._return()

    async def _return(self) -> None:
        """Back to what is committed, once the store can say."""
        while True:
            try:
                return await self.begin()
            except records.Unavailable:
                await self._clock.sleep(STORE_PAUSE_SECONDS)

    async def _round(self) -> None:
        await self._second_chances()
        await self._tell_repeats()
        items = await self._spool.after(self._seq, self._fetch)
        if items:
            await self._work_through(items)
        else:
            await self._spool.wait(self._seq, self._idle())

    def _idle(self) -> float:
        due = self._groups.next_ns() if self._groups else None
        return IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(0.0, (due - self._clock.now_ns()) / 1e9))

    # --- alerts -----------------------------------------------------------------------------------

    async def _work_through(self, items: Sequence[records.Stored]) -> None:
        position = 0
        while position < len(items):
            if self.delivery.stopping:
                # Here cursor and windows agree.
                await self._advance(force=True)
                raise delivery.Stopped
            allowed = await self._allowance()
            parcels, position = self._gather(items, position, allowed)
            if parcels:
                if self._bucket is not None:
                    self._bucket.take(len(parcels))
                others = self._overtaking.behind(items[position - 1].seq)
                await self.delivery.deliver(parcels, self._passed, others)
            self._seq = items[position - 1].seq
            await self._advance(force=position == len(items) or self.wanted.people)

    def _gather(
        self, items: Sequence[records.Stored], position: int, allowed: int
    ) -> tuple[list[delivery.Parcel], int]:
        """The next messages, at most `allowed`, and where to go on."""
        if allowed == 1 and self._bucket is not None and self.wanted.digests and self._sendable(items, position) > 1:
            found = [stored for stored in items[position:] if self._is_sent(stored)]
            if len(found) == 1:
                return [self._single(found[0])], len(items)
            return ([self._digest(found)] if found else []), len(items)
        parcels: list[delivery.Parcel] = []
        while position < len(items) and len(parcels) < min(allowed, self.sink.batch):
            stored = items[position]
            position += 1
            if self._is_sent(stored):
                parcels.append(self._single(stored))
        return parcels, position

    def _single(self, stored: records.Stored) -> delivery.Parcel:
        return delivery.Parcel(self._renderer.one(stored.alert), (stored.seq,))

    def _digest(self, found: Sequence[records.Stored]) -> delivery.Parcel:
        self.delivery.counts.digested += len(found)
        message = self._renderer.digest([stored.alert for stored in found])
        return delivery.Parcel(message, tuple(stored.seq for stored in found))

    def _is_sent(self, stored: records.Stored) -> bool:
        """Decides, and counts; a repeat is taken by its window."""
        counts = self.delivery.counts
        if stored.silence is not None:
            counts.silenced += 1
            return False
        alert = self._renderer.with_fields(stored.alert)
        if not self._chosen(alert):
            counts.skipped += 1
            return False
        if self._overtaking.took_place(stored.seq):
            self._came_before(alert, stored.seq)
            return False
        if self._groups is not None and self._groups.holds(alert, stored.seq, self._clock.now_ns()):
            counts.repeats += 1
            return False
        return True

    def _came_before(self, alert: alerts.Alert, seq: int) -> None:
        """It was sent before its turn: what follows from its being sent follows now."""
        if self._bucket is not None:
            self._bucket.take(1)
        if self._groups is not None and not self._groups.knows(alert):
            self._groups.holds(alert, seq, self._clock.now_ns())

    def _stands_alone(self, stored: records.Stored) -> bool:
        """Whether it would be sent as a message of its own; counts nothing, takes nothing."""
        alert = self._renderer.with_fields(stored.alert)
        is_repeat = self._groups is not None and self._groups.knows(alert)
        return stored.silence is None and self._chosen(alert) and not is_repeat

    def _sendable(self, items: Sequence[records.Stored], position: int) -> int:
        """About how many of the rest would be sent; counts nothing, takes nothing."""
        return sum(stored.silence is None and self._chosen(stored.alert) for stored in items[position:])

    def _passed(self, parcel: delivery.Parcel) -> None:
        """Within a batch the cursor may move too, unless windows were changed further on."""
        if self._groups is None:
            self._seq = max(self._seq, *parcel.seqs)

    async def _allowance(self) -> int:
        """How many messages may be sent now; waits until it is one."""
        if self._bucket is None:
            return self.sink.batch
        while not (allowed := self._bucket.available(self._clock.monotonic())):
            await self._advance(force=True)
            await self._clock.sleep(self._bucket.wait(self._clock.monotonic()))
        return allowed

    async def _advance(self, force: bool) -> None:
        now = self._clock.monotonic()
        if not force and now - self._moved_at < ADVANCE_SECONDS:
            return
        state = self._groups.dump() if self._groups else None
        if self._seq == self._committed and state is None:
            return
        await self._spool.advance(self.wanted.name, self._seq, state)
        self._committed, self._moved_at = self._seq, now

    # --- repeats and dead letters -----------------------------------------------------------------

    async def _tell_repeats(self) -> None:
        if self._groups is None:
            return
        for each in self._groups.due(self._clock.now_ns()):
            found = await self._spool.after(each.seq - 1, 1)
            # Retention may have removed it meanwhile, and with it what there was to tell.
            if found and found[0].seq == each.seq:
                await self._one_allowed()
                message = self._renderer.repeats(each.key, found[0].alert, each.count, each.first_ns, each.last_ns)
                parcel = delivery.Parcel(message, (each.seq,))
                await self.delivery.deliver([parcel], others=self._overtaking.behind(self._seq))
            self._groups.told(each, self._clock.now_ns())
            await self._advance(force=True)
        if self._ending:
            self._groups, self._ending = None, False
            await self._spool.advance(self.wanted.name, self._seq, None)

    async def _second_chances(self) -> None:
        """Dead letters that somebody wants tried again."""
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < IDLE_SECONDS:
            return
        self._looked_at = now
        for letter in await self._spool.dead_letters.due(self.wanted.name, 100):
            await self._one_allowed()
            message = self._renderer.one(letter.alert)
            await self.delivery.deliver([delivery.Parcel(message, (letter.seq,), letter.id, letter.attempts)])

    async def _one_allowed(self) -> None:
        await self._allowance()
        if self._bucket is not None:
            self._bucket.take(1)

    def state(self) -> str:
        if not self.wanted.enabled:
            return "disabled"
        if self.delivery.breaker.state is not pacing.State.CLOSED:
            return "open"
        return "waiting" if self.delivery.health.failing else "working"

    def told(self, cursor: records.CursorState | None, dead: int) -> states.SinkState:
        """For the page and metrics."""
        health = self.delivery.health
        return states.SinkState(
            name=self.wanted.name,
            type=self.wanted.type,
            state=self.state(),
            behind=cursor.behind if cursor else 0,
            lost=cursor.lost if cursor else 0,
            held=self.held,
            dead=dead,
            error=health.error,
            error_ns=health.error_ns,
            success_ns=health.success_ns,
            counts=self.delivery.counts,
        )

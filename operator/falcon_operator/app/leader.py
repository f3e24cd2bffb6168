"""Which of the replicas leads: only the leader pushes bundles and writes statuses.

A Lease is held as Kubernetes' own components hold theirs. Clocks of two machines are never
compared: a candidate notes by its own monotonic clock when it saw the Lease change last, and takes
it once it has not changed for its whole duration. The holder counts from the moment before it sent
its last good renewal, and stops leading `margin` before that duration is over:

    holder     renewal sent |=== leads ===============| stops | margin |
    candidate        sees it |=== waits for the whole duration ========| takes the Lease

The election of the `kubernetes` package is not used: it measures by the wall clock, waits up to five
minutes for an answer while it believes that it leads, and never gives the Lease back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import prometheus_client

from falcon_operator.clients import errors, leases

logger = logging.getLogger(__name__)

LEADING = prometheus_client.Gauge("falcon_operator_leader", "1 while this replica leads, else 0.")


class Store(Protocol):
    """Where the Lease is, see `clients.leases.Leases`."""

    async def read(self) -> leases.Record | None: ...

    async def write(self, record: leases.Record) -> leases.Record: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A leader that dies is replaced after `duration` plus at most one `retry`."""

    duration: float = 15.0
    margin: float = 5.0
    retry: float = 2.0


class Election:
    """Runs for the Lease until cancelled. `leading` is set while this replica leads."""

    def __init__(
        self,
        store: Store,
        identity: str,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost.set()
        self._store = store
        self._identity = identity
        self._timing = timing or Timing()
        self._clock = clock
        self._seen: tuple[str | None, str] | None = None
        self._seen_at = 0.0
        self._until = 0.0
        self._record: leases.Record | None = None
        self._complained = ""

    async def run(self) -> None:
        """Never returns; when cancelled, stops leading and gives the Lease back."""
        try:
            while True:
                await self._turn()
                await asyncio.sleep(self._pause())
        finally:
            led = self.leading.is_set()
            self._stop("stopping")
            if led:
                await self._release()

    def _pause(self) -> float:
        # Two candidates that start together should not go on colliding.
        pause = self._timing.retry * random.uniform(0.8, 1.0)
        return max(0.0, min(pause, self._until - self._clock())) if self.leading.is_set() else pause

    async def _turn(self) -> None:
        """One attempt to take or renew, which ends at the latest when leadership does."""
        limit = max(0.05, self._until - self._clock()) if self.leading.is_set() else self._timing.duration
        try:
            async with asyncio.timeout(limit):
                await self._take_or_renew()
        except errors.Conflict:
            logger.info("another replica changed the Lease first")
        except (errors.ApiError, errors.Unreachable, TimeoutError) as error:
            self._complain(str(error) or "no answer in time")
        else:
            self._complained = ""
        if self.leading.is_set() and self._clock() >= self._until:
            self._stop("the Lease could not be renewed in time")

    async def _take_or_renew(self) -> None:
        record = await self._store.read()
        before = self._clock()
        if record is not None and not self._free(record, before):
            self._stop(f"{record.holder} holds the Lease")
            return
        transitions = 0 if record is None else record.transitions + (record.holder != self._identity)
        version = None if record is None else record.version
        wanted = leases.Record(self._identity, round(self._timing.duration), "", transitions, version)
        self._record = await self._store.write(wanted)
        self._until = before + self._timing.duration - self._timing.margin
        if not self.leading.is_set() and self._clock() < self._until:
            self._start()

    def _free(self, record: leases.Record, now: float) -> bool:
        """Whether the Lease is ours, nobody's, or has not changed for its whole duration."""
        if record.holder in ("", self._identity):
            return True
        if (state := (record.version, record.holder)) != self._seen:
            self._seen, self._seen_at = state, now
            return False
        return now - self._seen_at > record.duration_seconds

    def _complain(self, message: str) -> None:
        """Once for each trouble, not every two seconds."""
        if message != self._complained:
            self._complained = message
            logger.warning("cannot reach the Lease: %s", message)

    def _start(self) -> None:
        logger.info("this replica leads now")
        LEADING.set(1)
        self.lost.clear()
        self.leading.set()

    def _stop(self, reason: str) -> None:
        if self.leading.is_set():
            logger.info("this replica no longer leads: %s", reason)
        LEADING.set(0)
        self.leading.clear()
        self.lost.set()

    async def _release(self) -> None:
        """Lets the other replica take over at once; failing that, it waits for the duration."""
        if self._record is None:
            return
        record = leases.Record("", 1, "", self._record.transitions, self._record.version)
        with contextlib.suppress(errors.ApiError, errors.Unreachable, TimeoutError):
            async with asyncio.timeout(self._timing.retry):
                await self._store.write(record)

"""The thread between the ring and the outputs: takes records, keeps the state current, evaluates,
hands alerts over.

Its process has no event loop, and whatever needs one (an API, a metrics server) gets a process of
its own: a thread that computes all the time and often lets go of the interpreter lock for a
moment, as a busy event loop does, takes it back before the waiting one has woken up. Measured with
300 records 7 ms apart on 2 cores, from write to read in another thread, median and worst:

    nothing else in the process                          0.05 ms    0.12 ms
    a busy asyncio loop beside it                        3600 ms    4600 ms
    the same, sys.setswitchinterval(0.0005)               860 ms    1800 ms

Threads that mostly wait (outputs, the main thread) are no such trouble, and a flood of alerts
limits itself: while an output keeps the lock no further alerts are found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from falcon_sensor import alerts
from falcon_sensor.kernel import ring
from falcon_sensor.pipeline import canary, generation, handover, ownership, tally
from falcon_sensor.records import decode, layout

POLL_SECONDS = 1.0
"""To look though nothing wakes us. For the record whose CPU was taken away between its clock and the ring for longer
than `ring.LINGER_SECONDS`: it woke nobody, and nobody lingered."""

LAST_DRAIN_SECONDS = 0.3
"""How long records that are there already may still be evaluated after stop(): the end must come within a second."""

_WANTED = int(layout.Flag.WANTED)
_CANARY = int(layout.Flag.CANARY)
_EXEC = int(layout.Kind.EXEC)


class State(Protocol):
    """What the consumer needs of `state`."""

    def observe(self, record: decode.Record) -> None: ...


class Consumer:
    """Start it once; `stop` ends it for good.

    deliver: gets each alert, must not block. tell: gets a line for the operator of the sensor. owner: decides
    which records are this node's; None for all. own: is told of the sensor's own acts, which nobody else sees.
    """

    def __init__(
        self,
        first: generation.Generation,
        state: State,
        deliver: Callable[[alerts.Alert], None],
        tell: Callable[[str], None],
        owner: ownership.Owner | None = None,
        own: canary.Canary | None = None,
    ) -> None:
        self.tally = tally.Tally()
        self.records = 0
        self.last_time = 0
        """Of the last record read, CLOCK_BOOTTIME in ns."""
        self.failures = 0
        """Records that could not be decoded or evaluated: a fault of ours, each kind told once."""
        self._current = first
        self._state = state
        self._deliver = deliver
        self._tell = tell
        self._owner = owner
        self._own = own
        self._told: set[str] = set()
        self._stop_at: float | None = None
        self._handover: handover.Handover | None = None
        self._next: generation.Generation | None = None
        self._switched = threading.Event()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Evaluates what has been shipped already, for `LAST_DRAIN_SECONDS` at most, then ends the thread."""
        self._stop_at = time.monotonic() + LAST_DRAIN_SECONDS
        os.eventfd_write(self._wake, 1)
        self._thread.join(LAST_DRAIN_SECONDS + 1.0)

    def judge_by(self, engine: generation.Engine) -> None:
        """Lets another engine judge from the next record on, where the programs in the kernel stay the same."""
        self._current = dataclasses.replace(self._current, engine=engine)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def wake(self) -> None:
        """Has the consumer look whether records that wait for their pod need not wait any longer."""
        os.eventfd_write(self._wake, 1)

    def replace(self, new: generation.Generation, let_finish: Callable[[], None]) -> None:
        """Lets another generation take over, without a gap and without reporting anything twice.

        The new programs are attached already; `let_finish` must return when all that ran at the time of the call have
        ended, old and new. Afterwards the old ring is never read again. One call at a time, from any thread.
        """
        begun = handover.Handover(time.clock_gettime_ns(time.CLOCK_BOOTTIME) + handover.OVERLAP_NS)
        self._switched.clear()
        self._handover = begun
        try:
            # Until T both run: the old ring is consumed, the new one fills.
            while (left := begun.at - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) > 0:
                time.sleep(left / 1e9)
            let_finish()
        except BaseException:
            self._handover = None
            raise
        self._next = new
        os.eventfd_write(self._wake, 1)
        self._switched.wait()

    def _run(self) -> None:
        with select.epoll() as poller:
            poller.register(self._wake, select.EPOLLIN)
            poller.register(self._current.descriptor, select.EPOLLIN)
            found = False
            while self._stop_at is None:
                patience = self._patience()
                poller.poll(min(ring.LINGER_SECONDS, patience) if found else patience)
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
                before = self.records
                self._drain()
                if self._next is not None:
                    poller.unregister(self._current.descriptor)
                    poller.register(self._next.descriptor, select.EPOLLIN)
                    self._switch(self._next)
                # The last may still be being written.
                found = self.records != before or self._current.ring.backlog > 0
                self._release(last=False)
        self._drain()
        self._release(last=True)
        self._switched.set()

    def _drain(self) -> None:
        for data in self._current.ring.records():
            # Asked for each record: a handover may begin while a long backlog is read.
            begun = self._handover
            self._take(data, begun.old if begun is not None else None)
            if self._stop_at is not None and time.monotonic() > self._stop_at:
                return

    def _switch(self, new: generation.Generation) -> None:
        """What the old programs tell from before T is in their ring: reads it, then what the new ring has by now."""
        self._drain()
        begun = self._handover
        assert begun is not None
        self._handover = self._next = None
        self._current = new
        # Everything that could straddle is in the new ring by now.
        for data in new.ring.records():
            self._take(data, begun.new)
        self._switched.set()

    def _take(self, data: bytes, accept: Callable[[decode.Record], bool] | None) -> None:
        """One record. Whatever goes wrong with it must not keep us from seeing the next."""
        self.records += 1
        try:
            record = decode.Record(data)
            head = record.head
            self.last_time = head.time
            if accept is not None and not accept(record):
                return
            if head.kind == _EXEC and head.result == 0:
                if self._own is not None and self._own.is_answer(record):
                    return
                self._state.observe(record)
            if not head.flags & _WANTED:
                if head.flags & _CANARY and self._own is not None:
                    self._own.returned(record)
                return
            if self._owner is not None and not self._owner.admit(self._current.engine, record, _now()):
                if self._owner.full:
                    self._release(last=False)
                return
        except Exception as error:
            self._failed(error)
            return
        self._judge(self._current.engine, record)

    def _judge(self, engine: generation.Engine, record: decode.Record) -> None:
        try:
            found = engine.evaluate(record)
        except Exception as error:
            self._failed(error)
            return
        for alert in found:
            self.tally.count(alert)
            self._deliver(alert)

    def _release(self, *, last: bool) -> None:
        """Evaluates what has waited for its pod long enough."""
        if self._owner is not None:
            for held in self._owner.last() if last else self._owner.due(_now()):
                self._judge(held.engine, held.record)

    def _patience(self) -> float:
        """Seconds until something is to be done though no record comes."""
        at = self._owner.next_time() if self._owner is not None else None
        return POLL_SECONDS if at is None else max(0.0, min(POLL_SECONDS, (at - _now()) / 1e9))

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        text = f"{type(error).__name__}: {error}"
        kind = f"{type(error).__name__} {_place(error)}"
        if kind not in self._told:
            self._told.add(kind)
            self._tell(f"an event could not be evaluated, please report this: {text} ({_place(error)})")


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _place(error: Exception) -> str:
    """file:line of where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"

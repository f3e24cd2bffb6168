"""The bounded queue before every output, between the thread that finds alerts and the sink that
writes them somewhere.

Putting an alert never blocks. What finds no room is lost for this output only, counted, and
said once when it starts and once when the output has caught up.
"""

from __future__ import annotations

import collections
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from falcon_rules import bundle
from falcon_sensor import alerts

Tell = Callable[[str], None]
"""Takes one line for the operator of the sensor."""

BATCH = 256
"""Alerts handed to a sink at once: enough to make one write of a burst, little to lose when it fails."""


class Gone(Exception):
    """Raised by a sink that can never write again (nobody reads the pipe any more)."""


class Sink(Protocol):
    """One destination. All methods run in the output's own thread and may block."""

    name: str

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        """Writes all of `batch` before returning. OSError: it is lost, a later one may succeed; Gone: none will."""

    def reopen(self) -> None:
        """Files were moved away or certificates replaced: open them anew. OSError as for `write`."""

    def close(self) -> None:
        """Nothing follows. OSError as for `write`."""


@runtime_checkable
class Measured(Protocol):
    """What a sink with something to tell beyond its output's own numbers offers too."""

    def measures(self) -> Mapping[str, int]:
        """Name to value, from any thread. What grows only is a sum since the start; `unsaved` is how many alerts
        would be lost if the process ended now."""


@runtime_checkable
class Gradual(Protocol):
    """What a sink offers too whose `write` passes alerts on one by one, so that what is lost in the middle is counted
    exactly."""

    passed: int
    """How many alerts of the batch in hand have been passed on."""


@runtime_checkable
class Abortable(Protocol):
    """What a sink offers too that would leave something behind, such as a process, should `close` not end in time."""

    def abort(self) -> None:
        """From another thread, at most a second long: nothing may remain."""


def say(line: str) -> None:
    """Prints a line for the operator on standard error; a closed one is no reason to stop."""
    try:
        sys.stderr.write(f"falcon-sensor: {line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def write_all(fd: int, data: bytes) -> None:
    """Writes everything, also to a descriptor that somebody else made non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])


class Output:
    """A sink with its queue and thread. `put` may be called from any thread. minimum: less urgent alerts are not
    for this output; None: none are."""

    def __init__(
        self, sink: Sink, capacity: int, tell: Tell = say, *, minimum: bundle.Priority | None = bundle.Priority.DEBUG
    ) -> None:
        self.sink = sink
        self.lost = 0
        self.delivered = 0
        self.filtered = 0
        self.gone = False
        self._in_hand = 0
        self._capacity = capacity
        self._minimum = minimum
        self._tell = tell
        self._queue: collections.deque[alerts.Alert] = collections.deque()
        self._ready = threading.Condition()
        self._closing = self._reopening = self._overflowing = self._failing = False
        self._abandoned = False
        # A sink that blocks for good must not keep the process from ending, hence a daemon thread.
        self._thread = threading.Thread(target=self._work, name=f"output {sink.name}", daemon=True)
        self._thread.start()

    def put(self, alert: alerts.Alert) -> None:
        """Queues `alert`, or counts it as lost when there is no room."""
        with self._ready:
            if self._minimum is None or alert.priority > self._minimum:
                self.filtered += 1
                return
            if self.gone or self._closing or len(self._queue) >= self._capacity:
                self.lost += 1
                first, self._overflowing = not (self._overflowing or self.gone or self._closing), True
            else:
                self._queue.append(alert)
                self._ready.notify()
                return
        if first:
            self._tell(f"{self.sink.name} does not keep up; {self._capacity} alerts wait, further ones are lost for it")

    def measures(self) -> dict[str, int]:
        """For metrics, from any thread: `queued` is what waits now, `lost` and `delivered` are sums since the
        start; then those of `own`."""
        with self._ready:
            common = {"queued": self.waiting, "lost": self.lost, "delivered": self.delivered}
        return {**common, **self.own()}

    def own(self) -> dict[str, int]:
        """`filtered`, a sum: less urgent than the output's minimum; then what the sink itself measures."""
        return {"filtered": self.filtered, **(self.sink.measures() if isinstance(self.sink, Measured) else {})}

    def reopen(self) -> None:
        """Has the sink open its files anew, after what is being written now."""
        with self._ready:
            self._reopening = True
            self._ready.notify()

    @property
    def waiting(self) -> int:
        """How many alerts wait now."""
        return len(self._queue) + self._in_hand - self._passed()

    def _passed(self) -> int:
        """Of those in hand."""
        return min(self._in_hand, self.sink.passed) if self._in_hand and isinstance(self.sink, Gradual) else 0

    def start_closing(self) -> None:
        """Takes no more alerts; what is queued is still written."""
        with self._ready:
            self._closing = True
            self._ready.notify()

    def wait_closed(self, deadline: float) -> bool:
        """Waits until all is written or `deadline` (time.monotonic); what is left then counts as lost."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if not self._thread.is_alive():
            return True
        with self._ready:
            self.lost += self.waiting
            self._queue.clear()
            self._in_hand = 0
            self._abandoned = True
        if isinstance(self.sink, Abortable):
            self.sink.abort()
        return False

    def count_unsaved(self) -> None:
        """At the very end: what the sink took and has not passed on counts as lost too."""
        self.lost += self.own().get("unsaved", 0)

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            if batch:
                self._attempt(self.sink.write, batch)
        self._attempt(self.sink.close)

    def _take(self) -> list[alerts.Alert] | None:
        """The next alerts, an empty list after reopening, None at the end."""
        with self._ready:
            self._ready.wait_for(lambda: self._queue or self._closing or self._reopening)
            reopening, self._reopening = self._reopening, False
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            caught_up = self._overflowing and not self._queue and not self._closing
            if caught_up:
                self._overflowing = False
            closing = self._closing
        if caught_up:
            self._tell(f"{self.sink.name} keeps up again; {self.lost} alerts were lost for it so far")
        if reopening:
            self._attempt(self.sink.reopen)
        return batch if batch or not closing else None

    def _attempt(self, action: Callable[..., None], batch: Sequence[alerts.Alert] = ()) -> None:
        """Runs a method of the sink; a failure is told once until something succeeds again."""
        if self.gone:
            self._count(lost=len(batch))
            return
        if isinstance(self.sink, Gradual):
            self.sink.passed = 0
        self._in_hand = len(batch)
        try:
            action(*([batch] if batch else []))
        except Gone as error:
            self.gone = True
            if self._count(lost=len(batch)):
                self._tell(f"{self.sink.name}: {error}; it gets no more alerts")
        except OSError as error:
            passed = self._passed()
            self._count(lost=len(batch) - passed, delivered=passed)
            if not self._failing:
                self._tell(f"{self.sink.name}: {error.strerror or error}; alerts are lost for it until this is mended")
            self._failing = True
        else:
            self._count(delivered=len(batch))
            if batch and self._failing:
                self._failing = False
                self._tell(f"{self.sink.name} works again; {self.lost} alerts were lost for it so far")

    def _count(self, lost: int = 0, delivered: int = 0) -> bool:
        """False when the batch has been counted as lost already, as the end did not wait for it."""
        with self._ready:
            if self._abandoned:
                return False
            self._in_hand = 0
            self.lost += lost
            self.delivered += delivered
            return True


class Outputs:
    """All outputs of a sensor."""

    def __init__(self, outputs: Sequence[Output], tell: Tell = say) -> None:
        self._outputs = tuple(outputs)
        self._tell = tell

    def put(self, alert: alerts.Alert) -> None:
        for output in self._outputs:
            output.put(alert)

    def all(self) -> tuple[Output, ...]:
        return self._outputs

    def reopen(self) -> None:
        for output in self._outputs:
            output.reopen()

    @property
    def all_gone(self) -> bool:
        """There are outputs and none can ever write again."""
        return bool(self._outputs) and all(output.gone for output in self._outputs)

    def measures(self) -> dict[str, dict[str, int]]:
        """By the output's name, see `Output.measures`."""
        return {output.sink.name: output.measures() for output in self._outputs}

    def close(self, timeout: float) -> None:
        """Gives all outputs together `timeout` seconds to write what they have, then tells what was lost."""
        deadline = time.monotonic() + timeout
        for output in self._outputs:
            output.start_closing()
        for output in self._outputs:
            late = not output.wait_closed(deadline)
            output.count_unsaved()
            if output.lost:
                why = " (it did not take the last ones in time)" if late else ""
                self._tell(f"{output.sink.name}: {output.lost} alerts were lost for it{why}")

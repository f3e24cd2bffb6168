"""The thread that does what the ledger has to do, and tries again what did not work.

A server that is away, or says it is too busy, gets the same request again after growing pauses,
for as long as it takes; meanwhile alerts wait in the ledger, which has bounds. A request that the
server fails at again and again (a webhook for Events in one namespace that is broken, say) must not
hold up all others: after `_MOST_FAILURES` it is given up, and its alerts are told of in the summary.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from falcon_sensor import alerts
from falcon_sensor.outputs import backoff, base
from falcon_sensor.outputs.kubernetes_events import client, ledger

_MOST_FAILURES = 8
"""Half a minute at the pauses below."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_IDLE_SECONDS = 60.0
"""New alerts wake the thread, so this only bounds the harm should that ever fail."""


@dataclass(slots=True)
class Counters:
    """Requests that worked, attempts that did not, and alerts whose pod's namespace went before they had an Event."""

    created: int = 0
    updated: int = 0
    retries: int = 0
    refused: int = 0
    gone: int = 0


class Client(Protocol):
    def ask(self, job: ledger.Job) -> client.Outcome: ...

    def close(self) -> None: ...


class Publisher:
    """Start it once."""

    def __init__(self, name: str, book: ledger.Ledger, asked: Client, tell: base.Tell) -> None:
        self.counters = Counters()
        self._name, self._book, self._client, self._tell = name, book, asked, tell
        self._pauses = backoff.Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._failing = self._refusing = False
        self._job: ledger.Job | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, batch: Sequence[alerts.Alert]) -> None:
        with self._changed:
            for alert in batch:
                self._book.take(alert, time.monotonic())
            self._changed.notify()

    def finish(self) -> None:
        """Does all that is left as long as the server answers, then ends. Waits for that."""
        self._stop.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def measures(self) -> dict[str, int]:
        with self._changed:
            job = self._job
            summarised = sum(job.rules.values()) if job is not None else 0
            return {
                "waiting": self._book.waiting,
                "held_back": self._book.held_back,
                "unsaved": self._book.unwritten + summarised,
                "created": self.counters.created,
                "updated": self.counters.updated,
                "retries": self.counters.retries,
                "refused": self.counters.refused,
                "namespace_gone": self.counters.gone,
            }

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                outcome = self._client.ask(job)
            except Exception as error:  # a fault of ours must not end the thread: nothing would be told any more
                why = f"please report this: {type(error).__name__}: {error}"
                outcome = client.Outcome(client.Meaning.REFUSED, why)
            with self._changed:
                pause = self._settle(job, outcome)
            if self._stop.is_set() and (pause is not None or outcome.meaning is client.Meaning.REFUSED):
                break
            if pause is not None:
                self._stop.wait(pause)
        self._client.close()

    def _next(self) -> ledger.Job | None:
        """The next thing to do; None at the end."""
        with self._changed:
            if self._job is not None:
                self._job = self._book.again(self._job)
                return self._job
            while True:
                now = time.monotonic()
                self._job = self._book.job(now, hurry=self._stop.is_set())
                if self._job is not None:
                    return self._job
                if self._stop.is_set():
                    return None
                wait = self._book.wait(now)
                # Not before: what is due then needs the time to be over, not nearly over.
                self._changed.wait(_IDLE_SECONDS if wait is None else wait + 0.001)

    def _settle(self, job: ledger.Job, outcome: client.Outcome) -> float | None:
        """Returns seconds to wait before the same is tried again, None when it is over and done with."""
        meaning, now = outcome.meaning, time.monotonic()
        if meaning is client.Meaning.FAILED:
            self._failures += 1
        if meaning is client.Meaning.LATER or (meaning is client.Meaning.FAILED and self._failures < _MOST_FAILURES):
            self.counters.retries += 1
            if not self._failing:
                self._failing = True
                self._tell(f"{self._name}: {outcome.why}; Events wait until it works again")
            return self._pauses.failed(outcome.wait)
        self._job, self._failures = None, 0
        self._pauses.reset()
        if meaning is client.Meaning.DONE:
            self._book.done(job, now)
            self._worked(job)
        elif meaning is client.Meaning.EXISTS:
            # That attempt may have known of fewer sightings: have the count updated.
            self._book.done(dataclasses.replace(job, count=1), now)
            self._worked(job)
        elif meaning is client.Meaning.VANISHED:
            self._book.vanished(job)
        elif meaning is client.Meaning.GONE:
            self.counters.gone += job.entry.unwritten if job.entry is not None else 0
            self._book.lost(job, now, summarise=False)
        else:
            self._refused(job, outcome.why, now)
        return None

    def _worked(self, job: ledger.Job) -> None:
        if job.create:
            self.counters.created += 1
        else:
            self.counters.updated += 1
        self._refusing = False
        if self._failing:
            self._failing = False
            self._tell(f"{self._name}: the API server works again")

    def _refused(self, job: ledger.Job, why: str, now: float) -> None:
        self.counters.refused += 1
        if not self._refusing:
            self._refusing = True
            self._tell(f"{self._name}: {why}; such alerts have no Event, they are counted and summarised")
        # A summary that is refused waits for the next: told again at once it would be refused again at once.
        self._book.lost(job, now, summarise=True)

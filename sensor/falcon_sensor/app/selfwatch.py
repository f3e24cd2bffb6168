"""The thread that watches the sensor itself, once a second, and tells as alerts what it finds.

    did we run at all?          -> a gap between two looks: stopped, frozen, starved
    does the canary come back?  -> blind, or behind
    are the probes attached?    -> lost
    do outputs get rid of what they are given?
    note on disk                -> for the sensor after us, should we be killed

Not the main thread, which is away for seconds while rules are loaded, and not the consumer's, which
is what is watched. What takes attaching programs anew is left to the main thread (`wanted`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from falcon_sensor.app import idle, working
from falcon_sensor.kernel import probes
from falcon_sensor.outputs import base
from falcon_sensor.pipeline import canary, dead, heartbeat, troubles
from falcon_sensor.records import canary as acts

PERIOD_SECONDS: Final = 1.0

_ANXIOUS_SECONDS: Final = 0.1
"""The same while blind, as everybody is at first: who waits for `/readyz` need not wait for us."""

PAUSED_SECONDS: Final = 5.0
"""Beyond the period between two looks. Loaded machines leave us waiting for one or two."""

LAG_SECONDS: Final = 5.0

_OUTPUTS_EVERY: Final = 5
"""Looks."""

_AGAIN_SECONDS: Final = (0.0, 30.0, 60.0, 300.0, 600.0)
"""Before programs are attached anew for the first, second, ... time without success."""

_NOT_YET: Final = "its own act has not come back yet"


class Consumer(Protocol):
    """What is needed of `pipeline.consumer`."""

    records: int
    last_time: int

    @property
    def alive(self) -> bool: ...


class Watch:
    """`look` is all of it; `start` has a thread look. wake: has the main thread ask `wanted`.

    current: what works now. heart: None for no note.
    """

    def __init__(
        self,
        current: Callable[[], working.Working],
        consuming: Consumer,
        own: canary.Canary,
        outputs: Sequence[base.Output],
        to: troubles.Troubles,
        heart: heartbeat.Heartbeat | None,
        wake: Callable[[], None],
    ) -> None:
        self.blind = _NOT_YET
        """Why it is not known that the sensor sees; empty when it does."""
        self._current = current
        self._consumer = consuming
        self._canary = own
        self._outputs = outputs
        self._troubles = to
        self._heart = heart
        self._wake = wake
        self._dead = dead.Watch()
        self._looks = 0
        self._last: float | None = None
        self._waited = 0.0
        self._records = 0
        self._suspect: tuple[object, tuple[str, ...]] = (None, ())
        self._blind_since = 0
        self._idle = False
        self._failed = False
        self._wanted = ""
        self._attempts = 0
        self._attempted = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="selfwatch", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """From now on what is taken apart is no trouble. The note says that the end was in order."""
        self._ending.set()
        self._thread.join(5.0)
        self._canary.close()
        if self._heart is not None:
            self._heart.end()

    def wanted(self) -> str:
        """Why programs should be attached anew; empty when they need not be. Asked once, answered once."""
        why, self._wanted = self._wanted, ""
        return why

    def look(self, now: float) -> None:
        """now: time.monotonic."""
        self._looks += 1
        self._was_paused(now)
        at_work = self._current()
        self._sees(at_work, now)
        self._has_probes(at_work, now)
        if self._looks % _OUTPUTS_EVERY == 0:
            self._gets_rid(now)
        if self._heart is not None:
            self._heart.tend(now)
            if self._heart.problem and self._looks == 1:
                base.say(f"{self._heart.problem}; should the sensor be killed, nobody will be told for how long")

    def _run(self) -> None:
        if self._heart is not None:
            self._heart.tell(self._heart.before(), self._troubles, time.time_ns())
        while not self._ending.is_set():
            try:
                self.look(time.monotonic())
            except Exception as error:
                # A look that fails must not be the last one.
                if not self._failed:
                    base.say(f"the sensor cannot watch itself, please report this: {type(error).__name__}: {error}")
                self._failed = True
            self._ending.wait(_ANXIOUS_SECONDS if self.blind else PERIOD_SECONDS)

    def _was_paused(self, now: float) -> None:
        waited = _waited_for_processor()
        last, self._last = self._last, now
        starved, self._waited = waited - self._waited, waited
        if last is None or now - last - PERIOD_SECONDS < PAUSED_SECONDS:
            return
        seconds = now - last
        self._canary.forget()
        end = time.time_ns()
        text = (
            f"It did not run for {seconds:.1f} s, until now: stopped by a signal or a debugger, frozen, or without a "
            f"processor ({starved:.1f} s of waiting for one). What happened meanwhile was kept as far as the kernel's "
            "buffer reached, and is told late."
        )
        begin = end - int(seconds * 1e9)
        fields = {"falcon.seconds": round(seconds, 1), "falcon.from": begin, "falcon.to": end}
        self._troubles.tell(troubles.Kind.PAUSED, text, seconds, **fields)

    def _sees(self, at_work: working.Working, now: float) -> None:
        progress, self._records = self._consumer.records != self._records, self._consumer.records
        how = how_to_ask(at_work)
        if how is None:
            self._canary.forget()
            self.blind, self._idle = "", True
            return
        if self._idle:
            self.blind, self._idle, self._blind_since = _NOT_YET, False, self._canary.answered
        self._canary.tend(how, now)
        oldest = self._canary.oldest()
        waits = now - oldest.began if oldest is not None else 0.0
        behind = oldest is not None and progress and self._consumer.last_time < oldest.time
        if behind and waits > LAG_SECONDS:
            backlog = at_work.probes.ring.backlog
            text = f"What happens is judged {waits:.0f} s later. {backlog} bytes wait in the kernel's buffer."
            self._troubles.report("lag", troubles.Kind.LAG, text, now)
        elif waits < LAG_SECONDS:
            self._troubles.clear("lag", "The sensor keeps up again.", now)
        if waits > canary.BOUND_SECONDS and not behind:
            self._tell_blind(at_work, now, waits)
        elif self._canary.answered > self._blind_since:
            self._sees_again(now)

    def _tell_blind(self, at_work: working.Working, now: float, waits: float) -> None:
        if not self._consumer.alive:
            reason = "the thread that reads events has ended"
        elif at_work.probes.ring.backlog:
            reason = "the thread that reads events stands still"
        else:
            reason = "the kernel side sends nothing"
        self._blind_since = self._canary.answered
        self.blind = f"its own act did not come back within {waits:.0f} s: {reason}"
        text = f"It does not see its own acts: none came back for {waits:.0f} s; {reason}."
        self._troubles.report("blind", troubles.Kind.BLIND, text, now, **{"falcon.reason": reason})
        self._want(f"the sensor is blind: {reason}", now)

    def _sees_again(self, now: float) -> None:
        if self.blind:
            self.blind = ""
            self._troubles.clear("blind", "The sensor sees its own acts again.", now)
        if not self._suspect[1]:
            self._attempts = 0

    def _has_probes(self, at_work: working.Working, now: float) -> None:
        if not isinstance(at_work.probes, probes.Probes):
            return
        lost = at_work.probes.lost()
        # Seen twice: in between the main thread may be taking off what others have replaced.
        confirmed = lost and (at_work.probes, lost) == self._suspect
        self._suspect = (at_work.probes, lost)
        if confirmed:
            names = ", ".join(lost)
            text = f"Somebody took programs of the sensor off {names}; they are attached anew."
            self._troubles.report("probes", troubles.Kind.LOST_PROBE, text, now, **{"falcon.hooks": names})
            self._want(f"programs were taken off {names}", now)
        elif not lost:
            self._troubles.clear("probes", "The programs are attached again.", now)

    def _gets_rid(self, now: float) -> None:
        for output in self._outputs:
            state = self._dead.look(output, now)
            key = f"output:{state.name}"
            if state.dead is None:
                self._troubles.clear(key, f"The output {state.name} works again.", now)
                continue
            text = (
                f"The output {state.name} has passed nothing on for {state.dead:.0f} s; {state.waiting} alerts wait "
                f"for it and {state.lost} are lost."
            )
            fields = {"falcon.output": state.name, "falcon.waiting": state.waiting, "falcon.lost": state.lost}
            self._troubles.report(key, troubles.Kind.DEAD_OUTPUT, text, now, **fields)

    def _want(self, why: str, now: float) -> None:
        """Attaching costs a second of a processor: ever more rarely while it does not help."""
        if now < self._attempted + _AGAIN_SECONDS[min(self._attempts, len(_AGAIN_SECONDS) - 1)]:
            return
        self._attempts += 1
        self._attempted = now
        self._wanted = why
        self._wake()


def how_to_ask(at_work: working.Working) -> canary.How | None:
    """None: nothing is attached."""
    if at_work.plan is None or isinstance(at_work.probes, idle.Idle):
        return None
    return canary.How.OPEN if acts.EVENT in at_work.plan.events else canary.How.EXEC


def _waited_for_processor() -> float:
    """Seconds for which the calling thread was ready to run and did not."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return 0.0

"""A sensor that is put together, watches, and is taken apart again.

The parts are joined here and nowhere else. Everything that must not outlive the run is entered
into the caller's ExitStack the moment it exists.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from concurrent import futures
from typing import TextIO

from falcon_rules import bundle
from falcon_sensor.app import prepare, signals
from falcon_sensor.engine import engine
from falcon_sensor.kernel import probes
from falcon_sensor.outputs import base, build
from falcon_sensor.pipeline import consumer, drops, generation, tally
from falcon_sensor.settings import model
from falcon_sensor.state import view

CHECK_SECONDS = 1.0
"""How often drops are looked for: Falco's second, which `syscall_event_drops.threshold` is a share of."""


class Sensor:
    """Made, `start`ed and `watch`ed once. Raises prepare.Failed."""

    def __init__(self, prepared: prepare.Prepared, stack: contextlib.ExitStack) -> None:
        self._settings = prepared.settings
        self._plan = prepared.plan
        self._bundle = prepared.bundle
        self._stack = stack
        self._hostname = self._settings.hostname or os.uname().nodename
        try:
            built = build.outputs(self._settings)
        except build.Unusable as error:
            raise prepare.Failed(str(error)) from None
        self._outputs, self._stdout = built.outputs, built.stdout
        self._state = view.State(max_processes=self._settings.process_cache_size)
        self._monitor = drops.Monitor(self._settings.syscall_event_drops)

    def start(self) -> None:
        """Attaches the probes and starts to consume what they ship."""
        # The main thread loads, which is mostly waiting, so that it stays free to notice signals.
        worker = futures.ThreadPoolExecutor(1)
        building = worker.submit(self._build_engine)
        worker.shutdown(wait=False)
        try:
            self._probes = self._stack.enter_context(probes.load(self._plan, self._settings.ring_bytes))
        except probes.ProbeError as error:
            raise prepare.Failed(str(error)) from None
        self._engine = building.result()
        self._state.scan()
        self._consumer = consumer.Consumer(
            generation.Generation(self._probes.ring, self._probes.ring_fd, self._engine),
            self._state,
            self._outputs.put,
            base.say,
        )
        # What exists now stays: collecting it again and again would cost time and, after a fork, memory.
        gc.collect()
        gc.freeze()
        self._consumer.start()

    def describe(self) -> str:
        rules, events = len(self._engine.running), len(self._plan.events)
        return (
            f"watching {self._hostname}: {rules} rule{'s' * (rules != 1)}, {events} event type{'s' * (events != 1)}, "
            f"backend C"
        )

    def watch(self, caught: signals.Signals, duration: float | None) -> int:
        """Until a stop signal, `duration` seconds, or nowhere left to send alerts to. Returns the exit code."""
        now = time.monotonic()
        end = now + duration if duration is not None else float("inf")
        check = now + CHECK_SECONDS
        code = 0
        while now < end:
            came = caught.wait(min(check, end) - now)
            if came & signals.STOP:
                break
            if came & signals.REOPEN:
                self._outputs.reopen()
            now = time.monotonic()
            if now >= check:
                check = now + CHECK_SECONDS
                if reason := self._check(now):
                    base.say(reason)
                    code = 1
                    break
        self._end()
        return code

    def _check(self, now: float) -> str | None:
        """What happens once a second. Returns why the sensor must stop, if so."""
        if self._outputs.all_gone:
            return "no output is left to send alerts to; stopping"
        due = self._monitor.check(self._counters(), now)
        if due is None:
            return None
        actions = self._settings.syscall_event_drops.actions
        if "log" in actions:
            base.say(due.text)
        if "alert" in actions:
            self._outputs.put(due.alert(self._hostname, time.time_ns(), dict(self._settings.extra_fields)))
        return f"{due.text}; stopping, as syscall_event_drops.actions asks" if "exit" in actions else None

    def _counters(self) -> drops.Counters:
        kinds = self._probes.counters().values()
        # A program the kernel left out is an event nobody saw, as much as one without room.
        dropped = sum(each.dropped for each in kinds) + self._probes.missed()
        return drops.Counters(seen=sum(each.records for each in kinds), dropped=dropped)

    def _end(self) -> None:
        """Evaluates what is there, detaches, lets outputs finish, and sums up."""
        self._probes.detach()
        self._consumer.stop()
        self._check(time.monotonic())
        self._stack.close()
        for rule, count in sorted(self._engine.suppressed().items()):
            base.say(f"{count} alerts of {rule!r} were held back by its rate limit")
        text = tally.summary(self._consumer.tally, self._monitor.occurrences, self._monitor.actions_taken)
        self._farewell(text)

    def _farewell(self, summary: str) -> None:
        """The summary goes to standard output as in Falco, behind the last alert; with JSON to standard error, so that
        every line of standard output stays an object. Where one does not take it the other may."""
        timeout = self._settings.output_timeout / 1000
        if self._settings.json_output:
            self._outputs.close(timeout)
            _write(sys.stderr, summary)
        elif self._stdout is None:
            self._outputs.close(timeout)
            _write(sys.stdout, summary)
        else:
            self._stdout.farewell = summary.encode()
            self._outputs.close(timeout)
            if not self._stdout.complete:
                _write(sys.stderr, summary)

    def _build_engine(self) -> engine.Engine:
        settings = self._settings
        limit = settings.rate_limit
        options = engine.Options(
            rule_matching=settings.rule_matching,
            priority=_priority(settings),
            hostname=self._hostname,
            extra_fields=settings.extra_fields,
            rate_limit=bundle.RateLimit(limit.alerts, limit.per_seconds) if limit.alerts else None,
        )
        return engine.Engine(self._bundle, self._state, options)


def _priority(settings: model.Settings) -> bundle.Priority:
    name = {"info": "informational"}.get(settings.priority, settings.priority)
    return bundle.Priority[name.upper()]


def _write(stream: TextIO, text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # closed: nobody wants it
        stream.write(text)
        stream.flush()

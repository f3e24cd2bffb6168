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
from collections import Counter
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass

from falcon_rules import bundle
from falcon_sensor.app import prepare, signals, terminal
from falcon_sensor.engine import engine
from falcon_sensor.kernel import capabilities, grace, probes
from falcon_sensor.outputs import base, build
from falcon_sensor.pipeline import consumer, drops, generation, tally
from falcon_sensor.settings import model
from falcon_sensor.state import view

CHECK_SECONDS = 1.0
"""How often drops are looked for: Falco's second, which `syscall_event_drops.threshold` is a share of."""


@dataclass(frozen=True, slots=True)
class Working:
    """One set of rules at work."""

    probes: probes.Probes
    engine: engine.Engine
    events: int

    def generation(self) -> generation.Generation:
        return generation.Generation(self.probes.ring, self.probes.ring_fd, self.engine)

    def counters(self) -> drops.Counters:
        kinds = self.probes.counters().values()
        # A program the kernel left out is an event nobody saw, as much as one without room.
        dropped = sum(each.dropped for each in kinds) + self.probes.missed()
        return drops.Counters(sum(each.records for each in kinds), dropped)


def loading() -> probes.Child:
    """A process that gets ready to load programs while rules are still compiled elsewhere."""
    return probes.Child()


class Sensor:
    """Made, `start`ed and `watch`ed once. Raises prepare.Failed.

    again: starts a process that compiles what the command line named, for when rules are loaded anew.
    """

    def __init__(
        self, prepared: prepare.Prepared, stack: contextlib.ExitStack, again: Callable[[], prepare.Process]
    ) -> None:
        self._settings = prepared.settings
        self._stack = stack
        self._again = again
        self._hostname = self._settings.hostname or os.uname().nodename
        try:
            built = build.outputs(self._settings)
        except build.Unusable as error:
            raise prepare.Failed(str(error)) from None
        self._outputs, self._stdout = built.outputs, built.stdout
        self._state = view.State(max_processes=self._settings.process_cache_size)
        self._monitor = drops.Monitor(self._settings.syscall_event_drops)
        # Of generations that are gone.
        self._seen_before = drops.Counters()
        self._held_back: Counter[str] = Counter()

    def start(self, prepared: prepare.Prepared, child: probes.Child) -> None:
        """Attaches the probes; what they ship waits until `watch`. child: of `loading`, used up."""
        self._working = self._put_to_work(prepared, child)
        self._stack.callback(lambda: self._working.probes.close())
        self._state.scan()
        self._consumer = consumer.Consumer(self._working.generation(), self._state, self._outputs.put, base.say)
        _settle()

    def _put_to_work(self, prepared: prepare.Prepared, child: probes.Child | None = None) -> Working:
        _must_be_allowed()
        # The main thread loads, which is mostly waiting, so that it stays free to notice signals.
        worker = futures.ThreadPoolExecutor(1)
        building = worker.submit(self._build_engine, prepared.bundle)
        worker.shutdown(wait=False)
        try:
            loaded = probes.load(prepared.plan, self._settings.ring_bytes, child=child)
        except probes.ProbeError as error:
            raise prepare.Failed(str(error)) from None
        try:
            return Working(loaded, building.result(), len(prepared.plan.events))
        except BaseException:
            loaded.close()
            raise

    def describe(self) -> str:
        rules, events = len(self._working.engine.running), self._working.events
        return (
            f"watching {self._hostname}: {rules} rule{'s' * (rules != 1)}, {events} event type{'s' * (events != 1)}, "
            f"backend C"
        )

    def watch(self, caught: signals.Signals, duration: float | None) -> int:
        """Until a stop signal, `duration` seconds, or nowhere left to send alerts to. Returns the exit code."""
        self._consumer.start()
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
            if came & signals.RELOAD:
                try:
                    self._reload(caught)
                except signals.Stopped:
                    break
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
        now, before = self._working.counters(), self._seen_before
        return drops.Counters(now.seen + before.seen, now.dropped + before.dropped)

    def _reload(self, caught: signals.Signals) -> None:
        """Lets the rules as they are now take over; rules with errors change nothing."""
        base.say("loading the rules anew")
        began = time.monotonic()
        try:
            with caught.interruptible():
                with self._again() as compiling:
                    prepared = compiling.result()
                new = self._put_to_work(prepared)
        except prepare.Failed as error:
            terminal.report(error)
            base.say("the rules in force stay in force")
            return
        terminal.warn(prepared.warnings)
        old = self._working
        self._consumer.replace(new.generation(), lambda: _take_off(old.probes))
        self._seen_before = self._counters()
        self._held_back.update(old.engine.suppressed())
        self._working = new
        old.probes.close()
        _settle()
        base.say(f"{self.describe()}, ready in {time.monotonic() - began:.1f} s")

    def _end(self) -> None:
        """Evaluates what is there, detaches, lets outputs finish, and sums up."""
        self._working.probes.detach()
        self._consumer.stop()
        self._check(time.monotonic())
        self._stack.close()
        self._held_back.update(self._working.engine.suppressed())
        for rule, count in sorted(self._held_back.items()):
            base.say(f"{count} alerts of {rule!r} were held back by its rate limit")
        text = tally.summary(self._consumer.tally, self._monitor.occurrences, self._monitor.actions_taken)
        self._farewell(text)

    def _farewell(self, summary: str) -> None:
        """The summary goes to standard output as in Falco, behind the last alert; with JSON to standard error, so that
        every line of standard output stays an object. Where one does not take it the other may."""
        timeout = self._settings.output_timeout / 1000
        if self._settings.json_output:
            self._outputs.close(timeout)
            terminal.write(sys.stderr, summary)
        elif self._stdout is None:
            self._outputs.close(timeout)
            terminal.write(sys.stdout, summary)
        else:
            self._stdout.farewell = summary.encode()
            self._outputs.close(timeout)
            if not self._stdout.complete:
                terminal.write(sys.stderr, summary)

    def _build_engine(self, rules: bundle.Bundle) -> engine.Engine:
        settings = self._settings
        limit = settings.rate_limit
        options = engine.Options(
            rule_matching=settings.rule_matching,
            priority=_priority(settings),
            hostname=self._hostname,
            extra_fields=settings.extra_fields,
            rate_limit=bundle.RateLimit(limit.alerts, limit.per_seconds) if limit.alerts else None,
        )
        return engine.Engine(rules, self._state, options)


def _priority(settings: model.Settings) -> bundle.Priority:
    name = {"info": "informational"}.get(settings.priority, settings.priority)
    return bundle.Priority[name.upper()]


def _must_be_allowed() -> None:
    """Without the capabilities the kernel refuses only after seconds of compiling, and in riddles."""
    with open("/proc/self/status") as status:
        missing = set(capabilities.missing_capabilities(status.read())) & {"CAP_BPF", "CAP_PERFMON"}
    if missing:
        raise prepare.Failed(
            f"loading eBPF programs needs {' and '.join(sorted(missing))}, which this process does not have: "
            "run it as root (sudo), in a container privileged; `falcon-sensor check` says more"
        )


def _settle() -> None:
    """What exists now stays, so looking through it again and again for garbage is wasted time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _take_off(old: probes.Probes) -> None:
    """Detaches, and waits for programs that are in the middle of a record on another CPU."""
    old.detach()
    grace.wait()

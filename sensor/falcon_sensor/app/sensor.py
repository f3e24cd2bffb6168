"""A sensor that is put together, watches, and is taken apart again.

The parts are joined here and nowhere else. Everything that must not outlive the run is entered
into the caller's ExitStack the moment it exists.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import threading
import time
from collections.abc import Callable

from falcon_sensor.api import health
from falcon_sensor.app import labels, node, prepare, pushing, report, retired, selfwatch, signals, terminal, working
from falcon_sensor.kernel import bpf, probes
from falcon_sensor.outputs import base, build
from falcon_sensor.pipeline import canary, consumer, drops, heartbeat, tally, troubles
from falcon_sensor.state import pods, view

CHECK_SECONDS = 1.0
"""How often drops are looked for: Falco's second, which `syscall_event_drops.threshold` is a share of."""


def loading() -> probes.Child:
    """A process that gets ready to load programs while rules are still compiled elsewhere."""
    return probes.Child()


class Sensor:
    """Made, `start`ed and `watch`ed once. Raises prepare.Failed.

    again: starts a process that compiles what the command line named, for when rules are loaded anew. wake: has
    the main thread return from waiting for signals.
    """

    def __init__(
        self,
        prepared: prepare.Prepared,
        stack: contextlib.ExitStack,
        again: Callable[[], prepare.Process],
        wake: Callable[[], None],
    ) -> None:
        self._settings = prepared.settings
        self._stack = stack
        self._again = again
        cluster = self._settings.cluster
        self._hostname = self._settings.hostname or os.uname().nodename
        if self._settings.program_stats:
            self._count_runs()
        self._node: node.Node | None = None
        if cluster.enabled:
            self._hostname = self._settings.hostname or cluster.node_name or self._hostname
            about = node.about(cluster.node_name or self._hostname)
            self._node = node.Node(cluster, about, wake, self.health)
            stack.callback(self._node.close)
        try:
            built = build.outputs(self._settings)
        except build.Unusable as error:
            raise prepare.Failed(str(error)) from None
        self._outputs, self._stdout = built.outputs, built.stdout
        self._state = view.State(
            max_processes=self._settings.process_cache_size,
            host_root=cluster.host_root,
            node_pods=self._node.pods if self._node is not None else pods.NOBODY,
        )
        self._owner = self._node.owner(self._state) if self._node is not None else None
        self.workshop = working.Workshop(self._settings, self._state, self._hostname)
        self._monitor = drops.Monitor(self._settings.syscall_event_drops)
        self.troubles = troubles.Troubles(self._outputs.put, self._hostname, self._settings.extra_fields)
        self._canary = canary.Canary()
        self._labels = labels.Labels()
        self._wake = wake
        self._past = working.Sums()
        self._retired = retired.Retired()
        # Between the main thread, which changes what works, and whoever asks how the sensor is.
        self._changing = threading.Lock()
        self._seen = time.monotonic()
        self._watching = False

    def start(self, prepared: prepare.Prepared, child: probes.Child) -> None:
        """Attaches the probes; what they ship waits until `watch`. child: of `loading`, used up."""
        if self._node is not None:
            self._node.start()
            self.current = pushing.start(self.workshop, self._node, prepared, child)
        else:
            self.current = self.workshop.make(prepared.bundle, prepared.plan, child)
        self._stack.callback(lambda: self._retired.close(self.current.probes))
        self._own(self.current)
        self._state.scan()
        self._consumer = consumer.Consumer(
            self.current.generation(), self._state, self._outputs.put, base.say, self._owner, self._canary
        )
        self._selfwatch = selfwatch.Watch(
            lambda: self.current,
            self._consumer,
            self._canary,
            self._outputs.all(),
            self.troubles,
            self._heart(),
            self._wake,
        )
        if self._node is not None:
            self._node.pods.on_change(self._consumer.wake)
        working.settle()

    def _count_runs(self) -> None:
        try:
            self._stack.callback(os.close, bpf.enable_statistics())
        except OSError as error:
            raise prepare.Failed(f"program_stats: this kernel or this user cannot: {error.strerror}") from None

    def _heart(self) -> heartbeat.Heartbeat | None:
        path = self._settings.heartbeat_file
        if not path and self._settings.cluster.enabled:
            path = os.path.join(self._settings.cluster.state_dir, "alive")
        return heartbeat.Heartbeat(pathlib.Path(path)) if path else None

    def describe(self) -> str:
        rules, events = len(self.current.engine.running), self.current.events
        if self._node is not None and not rules:
            return f"{self._hostname} has no rules yet and waits for the operator"
        probes, plural = self.current.probes, "s"
        backend = f"backend {probes.backend.upper() or 'none'}{f' ({probes.why})' if probes.why else ''}"
        return (
            f"watching {self._hostname}: {rules} rule{plural * (rules != 1)}, "
            f"{events} event type{plural * (events != 1)}, {backend}"
        )

    def watch(self, caught: signals.Signals, duration: float | None) -> int:
        """Until a stop signal, `duration` seconds, or nowhere left to send alerts to. Returns the exit code."""
        self._consumer.start()
        self._selfwatch.start()
        self._watching = True
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
            if came & signals.RELOAD and self._node is None:
                try:
                    self._reload(caught)
                except signals.Stopped:
                    break
            try:
                if self._node is not None:
                    pushing.serve(self, self._node, self._settings, caught)
                if why := self._selfwatch.wanted():
                    self._attach_anew(why, caught)
            except signals.Stopped:
                break
            self._seen = now = time.monotonic()
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
        if not self._consumer.alive:
            return "the thread that reads events has ended; stopping"
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
        return self._sums().drops()

    def _sums(self) -> working.Sums:
        """Of all sets of rules so far."""
        with self._changing:
            sums = self._past.copy()
            sums.add_engine(self.current.engine)
            sums.add_probes(self.current.probes)
        return sums

    def health(self) -> health.Health:
        """From any thread, at any time."""
        if not self._watching:
            return health.Health(idle=time.monotonic() - self._seen)
        try:
            sums = self._sums()
        except OSError:  # the end has come in between
            return health.Health()
        parts = report.Parts(
            self._consumer,
            self._selfwatch,
            self._canary,
            self.troubles,
            self._owner,
            self._state,
            self._outputs,
            self._labels,
        )
        return report.health(parts, self.current, sums, self._seen)

    def _reload(self, caught: signals.Signals) -> None:
        """Lets the rules as they are now take over; rules with errors change nothing."""
        base.say("loading the rules anew")
        began = time.monotonic()
        try:
            with caught.interruptible():
                with self._again() as compiling:
                    prepared = compiling.result()
                new = self.workshop.make(prepared.bundle, prepared.plan, current=self.current)
        except prepare.Failed as error:
            terminal.report(error)
            base.say("the rules in force stay in force")
            self.not_loaded(error)
            return
        terminal.warn(prepared.warnings)
        self.exchange(new)
        base.say(f"{self.describe()}, ready in {time.monotonic() - began:.1f} s")

    def not_loaded(self, error: prepare.Failed) -> None:
        """Rules that could have been attached were not: that may be somebody's doing, other than an error in them."""
        if isinstance(error, working.NotAttached) and not error.refused:
            text = f"The rules in force stay in force: {str(error).splitlines()[0]}."
            self.troubles.tell(troubles.Kind.NOT_LOADED, text)

    def _attach_anew(self, why: str, caught: signals.Signals) -> None:
        """The same rules by new programs. Raises signals.Stopped."""
        if self.current.plan is None:
            return
        base.say(f"{why}; attaching the programs anew")
        try:
            with caught.interruptible():
                new = self.workshop.again(self.current)
        except prepare.Failed as error:
            terminal.report(error)
            self.not_loaded(error)
            return
        self.exchange(new)
        base.say("the programs are attached anew")

    def _own(self, new: working.Working) -> None:
        if self._node is not None and self._owner is not None and new.plan is not None:
            self._node.settle(self._owner, new.probes.host_net_ns())

    def exchange(self, new: working.Working) -> None:
        """Lets `new` take over, without a gap and without reporting anything twice. Returns when it has."""
        old = self.current
        if old.plan is None:
            # Nobody has looked since the start at which processes there are.
            self._state.scan()
        self._own(new)
        same = new.probes is old.probes
        if same:
            self._consumer.judge_by(new.engine)
        else:
            self._retired.wait()
            new.inherit(old)
            self._consumer.replace(new.generation(), old.let_finish)
        with self._changing:
            if new.engine is not old.engine:
                self._past.add_engine(old.engine)
                self._past.forget({rule.name for rule in new.engine.running})
            if not same:
                # At once: what no longer fits into a ring that nobody reads is not lost.
                self._past.add_probes(old.probes)
            self.current = new
        if not same:
            self._retired.close(old.probes)
        working.settle()

    def _end(self) -> None:
        """Evaluates what is there, lets outputs finish, and sums up, while programs are taken off."""
        self._selfwatch.stop()
        self._consumer.stop()
        self._check(time.monotonic())
        self._watching = False
        suppressed = self._sums().suppressed
        self._stack.close()
        for rule, count in sorted((+suppressed).items()):
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

"""One set of rules at work, and what remains of those that were.

Counters start anew with every set, while people and metrics want sums since the start: `Past` keeps
what the sets before had counted.
"""

from __future__ import annotations

import copy
import dataclasses
import gc
import re
from collections import Counter
from collections.abc import Collection
from concurrent import futures
from dataclasses import dataclass, field

from falcon_rules import bundle
from falcon_sensor.app import idle, labels, prepare
from falcon_sensor.engine import engine
from falcon_sensor.kernel import capabilities, grace, probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.outputs import base
from falcon_sensor.pipeline import drops, generation
from falcon_sensor.settings import model
from falcon_sensor.state import view

FEWER_LEAVES = (200, 0)
"""Sizes of filters to try where the kernel refuses the full one: a quarter of the
usual bound, and none at all, which leaves no more than the wanted event types."""


class NotAttached(prepare.Failed):
    """The programs could not be loaded. refused: the kernel took offence at the programs themselves, so at a rule."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.refused = "refused the program" in text


@dataclass(frozen=True, slots=True)
class Working:
    """plan: what the probes were made from; None when nothing is attached."""

    probes: probes.Probes | idle.Idle
    engine: engine.Engine
    plan: contract.Plan | None
    ring_bytes: int = 0

    @property
    def events(self) -> int:
        return len(self.plan.events) if self.plan is not None else 0

    def generation(self) -> generation.Generation:
        return generation.Generation(self.probes.ring, self.probes.ring_fd, self.engine)

    def inherit(self, old: Working) -> None:
        """What the programs of `old` wait for. Both are attached."""
        if isinstance(self.probes, probes.Probes) and isinstance(old.probes, probes.Probes) and self.plan is not None:
            self.probes.inherit(old.probes, self.plan.events)

    def let_finish(self) -> None:
        """Waits for programs that are in the middle of a record on another CPU."""
        if self.plan is not None:
            grace.wait()


class Workshop:
    """Makes sets of rules that can be put to work."""

    def __init__(self, settings: model.Settings, state: view.State, hostname: str) -> None:
        self._settings = settings
        self._state = state
        self._hostname = hostname

    def make(
        self,
        rules: bundle.Bundle,
        plan: contract.Plan | None,
        child: probes.Child | None = None,
        current: Working | None = None,
    ) -> Working:
        """Attaches what `plan` asks for; None is nothing. child: a loader that is ready, used up.

        current: keeps its programs if they are the very same that the plan would give, which
        makes a change that the kernel has no part in a matter of milliseconds. Raises prepare.Failed.
        """
        if plan is None:
            return Working(idle.Idle(), self._engine(rules), None)
        if current is not None and current.plan is not None and _essence(current.plan) == _essence(plan):
            return Working(current.probes, self._engine(rules), plan, current.ring_bytes)
        must_be_allowed()
        # The main thread loads, which is mostly waiting, so that it stays free to notice signals.
        worker = futures.ThreadPoolExecutor(1)
        building = worker.submit(self._engine, rules)
        worker.shutdown(wait=False)
        loaded, plan = self._attach_what_the_kernel_takes(rules, plan, child)
        try:
            return Working(loaded, building.result(), plan, self._settings.ring_bytes)
        except BaseException:
            loaded.close()
            raise

    def again(self, current: Working) -> Working:
        """The same rules with programs attached anew. Raises NotAttached."""
        assert current.plan is not None
        return dataclasses.replace(current, probes=self.attach(current.plan))

    def _attach_what_the_kernel_takes(
        self, rules: bundle.Bundle, plan: contract.Plan, child: probes.Child | None
    ) -> tuple[probes.Probes, contract.Plan]:
        """A filter too large for this kernel's verifier is replaced by a coarser one: that costs time in the sensor,
        but no alert. Raises NotAttached."""
        try:
            return self.attach(plan, child), plan
        except NotAttached as refusal:
            if not refusal.refused:
                raise
            first = refusal
        # Rare, so what makes plans is imported only now, and stays.
        from falcon_sensor.kernel.plan import build

        for leaves in FEWER_LEAVES:
            coarser = build.build(rules, leaves)
            try:
                loaded = self.attach(coarser)
            except NotAttached:
                continue
            base.say(f"this kernel refuses the filter of these rules; one of at most {leaves} tests takes its place")
            return loaded, coarser
        raise first

    def attach(self, plan: contract.Plan, child: probes.Child | None = None) -> probes.Probes:
        """Raises NotAttached."""
        try:
            settings = self._settings
            wished = settings.probe.backend
            return probes.load(plan, settings.ring_bytes, child=child, cache=settings.program_cache, backend=wished)
        except probes.ProbeError as error:
            raise NotAttached(str(error)) from None

    def _engine(self, rules: bundle.Bundle) -> engine.Engine:
        settings = self._settings
        limit = settings.rate_limit
        options = engine.Options(
            rule_matching=settings.rule_matching,
            priority=bundle.Priority[settings.lowest],
            hostname=self._hostname,
            extra_fields=settings.extra_fields,
            rate_limit=bundle.RateLimit(limit.alerts, limit.per_seconds) if limit.alerts else None,
            suggested_fields=settings.suggested_fields,
        )
        return engine.Engine(rules, self._state, options)


def _essence(plan: contract.Plan) -> contract.Plan:
    """The plan without comments, which name the rules."""
    return dataclasses.replace(plan, filters=re.sub(r"/\*.*?\*/", "", plan.filters, flags=re.DOTALL))


def must_be_allowed() -> None:
    """Without the capabilities the kernel refuses only after seconds of compiling, and in riddles."""
    with open("/proc/self/status") as status:
        missing = set(capabilities.missing_capabilities(status.read())) & {"CAP_BPF", "CAP_PERFMON"}
    if missing:
        raise prepare.Failed(
            f"loading eBPF programs needs {' and '.join(sorted(missing))}, which this process does not have: "
            "run it as root (sudo), in a container privileged; `falcon-sensor check` says more"
        )


@dataclass(slots=True)
class Sums:
    """By rule name, by kind of event, by hook (runs, nanoseconds)."""

    matches: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    microseconds: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    nanoseconds: Counter[str] = field(default_factory=Counter)
    missed: int = 0

    def add_engine(self, rules: engine.Engine) -> None:
        for name, counters in rules.by_name():
            self.matches[name] += counters.matches
            self.suppressed[name] += counters.suppressed
            self.errors[name] += counters.errors
            self.microseconds[name] += int(counters.seconds * 1e6)

    def add_probes(self, attached: probes.Probes | idle.Idle) -> None:
        for kind, counters in attached.counters().items():
            name = kind.name.lower()
            self.seen[name] += counters.seen
            self.records[name] += counters.records
            self.dropped[name] += counters.dropped
        for hook, runs in attached.runs().items():
            self.runs[hook] += runs.count
            self.nanoseconds[hook] += runs.nanoseconds
        self.missed += attached.missed()

    def forget(self, running: Collection[str]) -> None:
        """Sums up as one what rules counted that are gone, once they are more than metrics tell apart."""
        for counter in (self.matches, self.suppressed, self.errors, self.microseconds):
            gone = [name for name in counter if name not in running]
            for name in gone[labels.MOST :]:
                counter[labels.OTHERS] += counter.pop(name)

    def copy(self) -> Sums:
        return copy.deepcopy(self)

    def drops(self) -> drops.Counters:
        """A program the kernel left out is an event nobody saw, as much as one without room."""
        what = {**self.dropped, "not run": self.missed}
        return drops.Counters(self.records.total(), self.dropped.total() + self.missed, what)


def settle() -> None:
    """What exists now stays, so looking through it again and again for garbage is wasted time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()

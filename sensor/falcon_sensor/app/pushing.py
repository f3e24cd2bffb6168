"""Bundles that the operator pushed, from the agent's hands into force, in the main thread.

    read and planned (a process) -> programs attached (another) -> exchange -> written to disk -> answered

Whatever goes wrong before the exchange leaves the old rules in force. If the kernel refuses the
programs, the rule at fault is looked for, so that the others need not wait for its author.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Protocol

from falcon_rules import bundle
from falcon_sensor.api.refusals import Reason
from falcon_sensor.app import lastgood, node, prepare, signals, terminal, unpacking, working
from falcon_sensor.kernel import probes
from falcon_sensor.outputs import base
from falcon_sensor.settings import model

MOST_CULPRITS: Final = 3
"""Rules to look for that the kernel refuses. Each takes some ten attempts of one to two seconds among 500 rules."""

SEARCH_SECONDS: Final = 45.0
"""The operator waits a minute for an answer."""

Errors = tuple[tuple[str, str], ...]


class Sensor(Protocol):
    """What is needed of `sensor.Sensor`."""

    workshop: working.Workshop

    @property
    def current(self) -> working.Working: ...

    def exchange(self, new: working.Working) -> None: ...

    def describe(self) -> str: ...

    def not_loaded(self, error: prepare.Failed) -> None: ...


def start(
    workshop: working.Workshop, of: node.Node, prepared: prepare.Prepared, child: probes.Child
) -> working.Working:
    """What a node's sensor starts with: the last good bundle, or nothing."""
    try:
        made = workshop.make(prepared.bundle, prepared.plan, child)
    except working.NotAttached as error:
        # Waiting for the operator's next bundle beats being restarted over and over with this one.
        base.say(f"the last good rules cannot be put in force: {error}")
        return workshop.make(bundle.Bundle(()), None)
    of.force(node.Force(prepared.digest, prepared.bundle.revision, prepared.rule_errors + tuple(made.engine.broken())))
    return made


def serve(sensor: Sensor, of: node.Node, settings: model.Settings, caught: signals.Signals) -> None:
    """Puts those bundles in force that wait. Raises signals.Stopped when a stop signal comes."""
    while of.pushes():
        push = of.pushes().popleft()
        try:
            with caught.interruptible():
                _serve(sensor, of, settings, push)
        except unpacking.Refused as error:
            status, reason = (426, Reason.FORMAT) if error.version else (400, Reason.MALFORMED)
            push.refuse(status, reason, str(error))
        except prepare.Failed as error:
            terminal.report(error)
            base.say("the rules in force stay in force")
            sensor.not_loaded(error)
            push.refuse(500, Reason.NOT_LOADED, str(error))


def _serve(sensor: Sensor, of: node.Node, settings: model.Settings, push: node.Push) -> None:
    began = time.monotonic()
    loading = _Loading(sensor.workshop, push, bundle.Priority[settings.lowest])
    with probes.Child() as child:
        unpacked = loading.unpack()
        if unpacked.bundle.revision <= of.in_force.revision:
            text = f"revision {unpacked.bundle.revision} is not newer than {of.in_force.revision}, which is in force"
            push.refuse(409, Reason.OUTDATED, text, of.in_force.revision)
            return
        made, errors = loading.make(unpacked, child, sensor.current)
    sensor.exchange(made)
    try:
        lastgood.write(settings.cluster.state_dir, lastgood.Kept(push.digest, push.packed))
    except OSError as error:
        base.say(f"the rules in force cannot be kept in {settings.cluster.state_dir}: {error.strerror}")
    of.force(node.Force(push.digest, unpacked.bundle.revision, errors + tuple(made.engine.broken())))
    push.done()
    failed = f", {len(errors)} cannot run here" if errors else ""
    base.say(f"{sensor.describe()}{failed}, in force after {time.monotonic() - began:.2f} s")


class _Loading:
    """One bundle on its way; it may take several attempts."""

    def __init__(self, workshop: working.Workshop, push: node.Push, priority: bundle.Priority) -> None:
        self._workshop = workshop
        self._push = push
        self._priority = priority
        self._deadline = time.monotonic() + SEARCH_SECONDS

    def unpack(self, leave_out: Sequence[str] = ()) -> unpacking.Unpacked:
        return unpacking.unpack(self._push.digest, self._push.packed, self._priority, leave_out)

    def make(
        self, unpacked: unpacking.Unpacked, child: probes.Child, current: working.Working
    ) -> tuple[working.Working, Errors]:
        """The bundle's rules without those that cannot run. Raises prepare.Failed, unpacking.Refused."""
        errors = unpacked.errors
        try:
            return self._workshop.make(unpacked.bundle, unpacked.plan, child, current), errors
        except working.NotAttached as error:
            if not error.refused:
                raise
            refusal = error
        culprits: list[str] = []
        while len(culprits) < MOST_CULPRITS:
            uid = self._culprit([rule.uid for rule in unpacked.bundle.rules], culprits)
            if uid is None:
                break
            culprits.append(uid)
            errors = (*errors, (uid, f"the kernel refuses this rule's filter: {str(refusal).splitlines()[0]}"))
            unpacked = self.unpack(culprits)
            try:
                return self._workshop.make(unpacked.bundle, unpacked.plan, None, current), errors
            except working.NotAttached as error:
                refusal = error
        raise refusal

    def _culprit(self, uids: list[str], culprits: Sequence[str]) -> str | None:
        """One rule that the kernel refuses even alone, by halves; None when there is none."""
        everything = [*uids, *culprits]
        while len(uids) > 1:
            if time.monotonic() > self._deadline:
                return None
            half = uids[: len(uids) // 2]
            uids = half if self._is_refused(half, everything) else uids[len(half) :]
        return uids[0] if uids and self._is_refused(uids, everything) else None

    def _is_refused(self, uids: Sequence[str], everything: Sequence[str]) -> bool:
        plan = self.unpack([uid for uid in everything if uid not in set(uids)]).plan
        if plan is None:
            return False
        try:
            self._workshop.attach(plan).close()
        except working.NotAttached:
            return True
        return False

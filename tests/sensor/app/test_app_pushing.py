"""What becomes of a push in the main thread, when all goes well and when the kernel takes offence at a rule.

Loader and node are stand-ins here; tests/sensor/cluster has the real ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.sensor.cluster.support import rules

from falcon_rules import bundle
from falcon_sensor.api.refusals import Reason
from falcon_sensor.app import lastgood, node, pushing, signals, unpack, unpacking, working
from falcon_sensor.kernel import probes
from falcon_sensor.settings import model

GOOD = rules.made(rules.rule("Good", "evt.type = execve and proc.name = cat"), 1).rules[0]
REFUSED = "the kernel refused the program ev_exec: too complex to verify\n    much text"


class Engine:
    def broken(self):
        return [("twisted", "SyntaxError: no")]


class Made:
    def __init__(self, uids):
        self.uids = uids
        self.engine = Engine()

    def close(self):
        pass


class Workshop:
    """Stands in for the loader: refuses every plan that has one of `bad`'s rules, or more than so many."""

    def __init__(self, bad=(), more=10**6, text=REFUSED):
        self.bad, self.more, self.text = bad, more, text
        self.attempts = 0

    def make(self, found, plan, child=None, current=None):
        uids = [rule.uid for rule in found.rules]
        self._try(uids)
        return Made(uids)

    def attach(self, plan, child=None):
        self._try(plan)
        return Made(())

    def _try(self, uids):
        self.attempts += 1
        if set(uids) & set(self.bad) or len(uids) > self.more:
            raise working.NotAttached(self.text)


ALL = [f"r{number:02}" for number in range(20)]


class Sensor:
    def __init__(self, workshop):
        self.workshop = workshop
        self.current: Any = None
        self.troubles: list[str] = []

    def not_loaded(self, error):
        self.troubles.append(str(error))

    def exchange(self, new):
        self.current = new

    def describe(self):
        return "watching"


class Agent:
    def __init__(self):
        self.sent = []

    def send(self, kind, fields):
        self.sent.append((kind, fields))


class Node:
    def __init__(self):
        self.in_force = node.Force()
        self.agent = Agent()
        self._pushes: deque[node.Push] = deque()

    def pushes(self):
        return self._pushes

    def force(self, found):
        self.in_force = found
        self.agent.sent.append(("force", {}))

    def push(self, uids, revision):
        found = [dataclasses.replace(GOOD, uid=uid, name=f"<{uid}>") for uid in uids]
        packed, digest = rules.packed(bundle.Bundle(tuple(found), revision))
        self._pushes.append(node.Push(digest, packed, cast(Any, self.agent), revision))
        return digest


class Caught:
    @contextlib.contextmanager
    def interruptible(self):
        yield


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """`serve(sensor, node)`; bundles are read in this process, and a plan is the uids of its rules."""
    settings = model.Settings(cluster=model.Cluster(state_dir=str(tmp_path)))

    def read(digest, packed, priority, leave_out=()):
        answer = unpack.answer(digest, packed, priority, frozenset(leave_out))
        if answer.unpacked is None:
            raise unpacking.Refused(answer.error, version=answer.version)
        uids = [rule.uid for rule in answer.unpacked.bundle.rules]
        return dataclasses.replace(answer.unpacked, plan=uids or None)  # type: ignore[arg-type]

    monkeypatch.setattr(unpacking, "unpack", read)
    monkeypatch.setattr(probes, "Child", contextlib.nullcontext)
    return lambda sensor, to: pushing.serve(sensor, to, settings, cast(signals.Signals, Caught()))


def test_it_is_answered_when_it_is_in_force_and_on_the_disk(serve, tmp_path):
    sensor, to = Sensor(Workshop()), Node()
    digest = to.push(ALL[:3], 7)
    serve(sensor, to)
    assert sensor.current.uids == ALL[:3]
    assert to.in_force == node.Force(digest, 7, (("twisted", "SyntaxError: no"),))
    kept = lastgood.read(str(tmp_path))
    assert kept is not None
    assert kept.digest == digest
    assert to.agent.sent == [("force", {}), ("done", {"id": 7})]


def test_an_older_one_is_refused_also_after_the_agent_was_replaced(serve):
    sensor, to = Sensor(Workshop()), Node()
    for revision in (7, 6):
        to.push(ALL[:1], revision)
    serve(sensor, to)
    assert to.in_force.revision == 7
    kind, answer = to.agent.sent[-1]
    assert (kind, answer["status"], answer["reason"], answer["revision"]) == ("done", 409, Reason.OUTDATED, 7)


@pytest.mark.parametrize("bad", [["r00"], ["r13"], ["r19"], ["r04", "r05", "r17"]])
def test_rules_that_the_kernel_refuses_are_found_and_the_others_run(serve, bad):
    sensor, to = Sensor(Workshop(bad)), Node()
    to.push(ALL, 7)
    serve(sensor, to)
    assert sensor.current.uids == [uid for uid in ALL if uid not in bad]
    errors = [(uid, reason) for uid, reason in to.in_force.rule_errors if uid != "twisted"]
    assert sorted(uid for uid, _ in errors) == bad
    assert {reason for _, reason in errors} == {f"the kernel refuses this rule's filter: {REFUSED.splitlines()[0]}"}
    assert to.agent.sent[-1][0] == "done"
    assert sensor.workshop.attempts < 30


@pytest.mark.parametrize(
    "workshop",
    [
        Workshop(more=15),
        Workshop(ALL[:4]),
        Workshop(["r03"], text="the loader ended without an answer (exit code -9)"),
    ],
    ids=["too many together", "too many bad ones", "not the rules' fault"],
)
def test_what_cannot_be_put_down_to_a_rule_leaves_the_old_rules_in_force(serve, workshop, tmp_path):
    sensor, to = Sensor(workshop), Node()
    to.push(ALL, 7)
    serve(sensor, to)
    assert (sensor.current, to.in_force, lastgood.read(str(tmp_path))) == (None, node.Force(), None)
    kind, answer = to.agent.sent[-1]
    assert (kind, answer["status"], answer["reason"]) == ("done", 500, Reason.NOT_LOADED)
    assert answer["error"].startswith(workshop.text.splitlines()[0])
    (trouble,) = sensor.troubles
    assert trouble.startswith(workshop.text.splitlines()[0])


def test_the_only_rule_being_refused_leaves_none(serve):
    sensor, to = Sensor(Workshop(["r00"])), Node()
    to.push(["r00"], 7)
    serve(sensor, to)
    assert sensor.current.uids == []
    assert [uid for uid, _ in to.in_force.rule_errors] == ["r00", "twisted"]


def test_a_disk_that_is_full_is_no_reason_to_refuse(serve, monkeypatch, capsys):
    def full(directory, kept):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lastgood, "write", full)
    sensor, to = Sensor(Workshop()), Node()
    to.push(ALL[:1], 7)
    serve(sensor, to)
    assert to.agent.sent[-1] == ("done", {"id": 7})
    assert "No space left" in capsys.readouterr().err


def test_a_start_with_rules_that_the_kernel_refuses_now_waits_for_others(capsys):
    class Refusing(Workshop):
        def make(self, found, plan, child=None, current=None):
            if plan is not None:
                raise working.NotAttached(REFUSED)
            return super().make(found, plan)

    to = Node()
    kept: Any = SimpleNamespace(bundle=bundle.Bundle((GOOD,), 7), plan=object(), digest="sha256:x", rule_errors=())
    start: Any = pushing.start
    assert start(Refusing(), to, kept, None).uids == []
    assert to.in_force == node.Force()
    assert "cannot be put in force" in capsys.readouterr().err

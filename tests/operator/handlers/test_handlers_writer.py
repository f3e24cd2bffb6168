"""Which patch brings a status up to date, and which changes may wait."""

from __future__ import annotations

import pytest

from falcon_operator.clients import errors, kinds
from falcon_operator.handlers import writer
from falcon_operator.handlers.store import Store
from falcon_operator.reconcile import resources

READY = {"type": "Ready", "status": "True", "reason": "Ready", "message": "3 of 3"}


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": 1, "b": 2}, {"a": 1, "b": None}, {"b": None}),
        ({"nodes": {"loaded": 1, "failed": 1}}, {"nodes": {"loaded": 2}}, {"nodes": {"loaded": 2, "failed": None}}),
        ({"list": [1, 2]}, {"list": [1, 3]}, {"list": [1, 3]}),
        ({"count": 3}, {"count": 0}, {"count": 0}),
    ],
)
def test_the_patch_turns_one_status_into_the_other(old, new, patch):
    assert writer.difference(old, new) == patch


def test_counts_and_texts_are_not_new():
    old = {"conditions": [READY], "nodes": {"loaded": 3}, "lastContact": "then"}
    new = {"conditions": [{**READY, "message": "4 of 4"}], "nodes": {"loaded": 4}, "lastContact": "now"}
    assert not writer.says_something_new(old, new)


@pytest.mark.parametrize("change", [{"reason": "NodesFailed"}, {"status": "False"}, {"observedGeneration": 2}])
def test_a_condition_that_turns_is_new(change):
    assert writer.says_something_new({"conditions": [READY]}, {"conditions": [{**READY, **change}]})


class Recorder:
    """Stands where the API client does, and notes what is patched; `fail` is raised instead."""

    def __init__(self) -> None:
        self.patches: list[dict] = []
        self.fail: Exception | None = None

    async def patch(self, kind, name, patch, namespace=None, subresource=None):
        self.patches.append(patch)
        if self.fail is not None:
            raise self.fail
        metadata = {"name": name, "uid": "u1", "resourceVersion": str(10 + len(self.patches))}
        return {"kind": kind.name, "metadata": metadata, "spec": {}, "status": patch["status"]}


@pytest.fixture
def known():
    store = Store(kinds.CLUSTER_FALCON_RULE, resources.Resource.of, lambda key, value: None)
    metadata = {"name": "r", "uid": "u1", "resourceVersion": "1"}
    store.event("ADDED", {"kind": "ClusterFalconRule", "metadata": metadata, "spec": {}})
    return store


async def write(known, recorder, clock, *statuses):
    made = writer.Writer(recorder, known, lambda old, new: old != new, seconds=1.0, clock=lambda: clock[0])
    return [await made.write({("", "r"): each}) for each in statuses]


async def test_the_same_status_is_written_once(known):
    recorder = Recorder()
    assert await write(known, recorder, [0.0], {"conditions": [READY]}, {"conditions": [READY]}) == [False, False]
    assert [each["metadata"] for each in recorder.patches] == [{"resourceVersion": "1"}]


async def test_a_second_write_waits_for_its_time(known):
    recorder, clock = Recorder(), [0.0]
    made = writer.Writer(recorder, known, lambda old, new: old != new, seconds=1.0, clock=lambda: clock[0])
    turned = {"conditions": [{**READY, "status": "False"}]}
    assert not await made.write({("", "r"): {"conditions": [READY]}})
    assert await made.write({("", "r"): turned}), "too soon: left for later"
    clock[0] = 1.0
    assert not await made.write({("", "r"): turned})
    assert len(recorder.patches) == 2


async def test_counts_alone_wait_longer(known):
    recorder, clock = Recorder(), [0.0]
    made = writer.Writer(recorder, known, lambda old, new: old != new, seconds=1.0, clock=lambda: clock[0])
    await made.write({("", "r"): {"nodes": {"loaded": 1}, "conditions": [READY]}})
    clock[0] = 5.0
    assert await made.write({("", "r"): {"nodes": {"loaded": 2}, "conditions": [READY]}})
    clock[0] = 10.0
    assert not await made.write({("", "r"): {"nodes": {"loaded": 3}, "conditions": [READY]}})
    assert len(recorder.patches) == 2


@pytest.mark.parametrize(
    ("failure", "left"),
    [(errors.NotFound(404, "x"), False), (errors.Conflict(409, "x"), True), (errors.Unreachable("x"), True)],
)
async def test_only_a_write_for_an_object_that_is_gone_is_not_repeated(known, failure, left):
    recorder = Recorder()
    recorder.fail = failure
    assert await write(known, recorder, [0.0], {"conditions": [READY]}) == [left]

"""What becomes of a packed bundle: rules that can run here with their plan, reasons for the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import pytest
from tests.sensor.cluster.support import rules

from falcon_rules import bundle, typed, wire
from falcon_sensor.app import unpack, unpacking

DEBUG = bundle.Priority.DEBUG
GOOD = rules.made(rules.rule("Good", "evt.type = execve and proc.name = cat"), 7).rules[0]


def rule(uid: str, **changes: object) -> bundle.Rule:
    return dataclasses.replace(GOOD, uid=uid, **changes)  # type: ignore[arg-type]


def comparing(field: str) -> typed.Condition:
    return typed.Comparison("=", typed.FieldRef(field, None, typed.Kind.TEXT), (b"x",))


def of(*found: bundle.Rule, revision: int = 7) -> tuple[bytes, str]:
    return rules.packed(bundle.Bundle(found, revision))


def read(digest: str, packed: bytes, priority: int, leave_out: Collection[str] = ()) -> unpacking.Unpacked:
    """As the process does it, in this one."""
    answer = unpack.answer(digest, packed, priority, leave_out)
    assert answer.unpacked is not None, answer.error
    return answer.unpacked


def test_a_bundle_comes_back_with_its_plan():
    packed, digest = of(rule("a"), rule("b"))
    found = unpacking.unpack(digest, packed, DEBUG)
    assert ([each.uid for each in found.bundle.rules], found.bundle.revision, found.errors) == (["a", "b"], 7, ())
    assert found.plan is not None
    assert found.plan.events == {"execve"}


def test_rules_that_cannot_run_here_are_left_out_with_their_reasons():
    packed, digest = of(
        rule("a", condition=comparing("container.cni.json")),
        rule("b"),
        rule("c", output=bundle.Output((bundle.Placeholder("x.y", typed.FieldRef("x.y", None, typed.Kind.TEXT)),))),
        rule("d", event_types=("splice",)),
        rule("e", condition=comparing("no.such.field")),
    )
    found = read(digest, packed, DEBUG)
    assert [each.uid for each in found.bundle.rules] == ["b"]
    assert [uid for uid, _ in found.errors] == ["a", "c", "d", "e"]
    reasons = dict(found.errors)
    assert "container.cni.json" in reasons["a"]
    assert "x.y" in reasons["c"]
    assert "does not watch splice" in reasons["d"]
    assert "no.such.field" in reasons["e"]


def test_an_event_type_that_is_watched_is_enough():
    packed, digest = of(rule("a", event_types=("execve", "ptrace")))
    assert read(digest, packed, DEBUG).errors == ()


def test_what_is_not_wanted_is_no_error():
    packed, digest = of(rule("a"), rule("b", priority=bundle.Priority.DEBUG), rule("c"))
    found = read(digest, packed, bundle.Priority.NOTICE, {"c"})
    assert ([each.uid for each in found.bundle.rules], found.errors) == (["a"], ())


def test_no_rules_need_no_programs():
    packed, digest = of()
    found = read(digest, packed, DEBUG)
    assert (found.bundle.rules, found.plan, found.bundle.revision) == ((), None, 7)


NEWER = wire.dumps(bundle.Bundle((), 7)).replace(b'"format":1', b'"format":2')


@pytest.mark.parametrize(
    ("packed", "digest", "version"),
    [
        (b"rubbish", "sha256:x", False),
        (of(rule("a"))[0], "sha256:" + "0" * 64, False),
        (wire.pack(b"{}"), f"sha256:{wire.digest(b'{}')}", False),
        (wire.pack(NEWER), f"sha256:{wire.digest(NEWER)}", True),
    ],
)
def test_what_is_no_bundle_of_ours_is_refused(packed, digest, version):
    with pytest.raises(unpacking.Refused) as caught:
        unpacking.unpack(digest, packed, DEBUG)
    assert caught.value.version is version

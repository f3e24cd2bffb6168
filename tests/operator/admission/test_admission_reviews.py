"""What must pass unseen, and how a refusal reads."""

from __future__ import annotations

from typing import Any

import pytest
from tests.operator.support import manifests

from falcon_operator.admission import checking, reviews
from falcon_operator.reconcile import resources

SPEC = {"condition": "evt.type = execve", "output": "x", "priority": "Warning"}


def review(operation: str = "CREATE", spec: dict = SPEC, old: dict | None = None, **metadata: str) -> dict:
    body = {"metadata": {"name": "shell", "namespace": "team", **metadata}, "spec": spec}
    request = {"uid": "1", "operation": operation, "kind": {"kind": "FalconRule"}, "object": body}
    return {"request": {**request, "oldObject": None if old is None else {**body, "spec": old}}}


def ref(asked: dict) -> str:
    """Which resource is looked at."""
    found = reviews.read(asked).resource
    assert found is not None
    return str(found.ref)


def test_a_new_rule_is_looked_at():
    assert ref(review()) == "falconrule/team/shell"


@pytest.mark.parametrize(
    "passed",
    [
        {"request": {"uid": "1", "operation": "DELETE", "object": None}},
        review("UPDATE", SPEC, SPEC),
        review("UPDATE", {"condition": "broken("}, {"condition": "good"}, deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
    ids=["deletion", "the spec stays", "on its way out"],
)
def test_what_must_always_pass_is_not_looked_at(passed):
    assert reviews.read(passed).resource is None


def test_a_rule_without_a_name_yet_is_looked_at():
    body = {"metadata": {"generateName": "shell-"}, "spec": SPEC}
    request = {"uid": "1", "operation": "CREATE", "namespace": "team", "kind": {"kind": "FalconRule"}, "object": body}
    assert ref({"request": request}) == "falconrule/team/shell-"


@pytest.mark.parametrize("nonsense", [{}, [], {"request": {}}, {"request": {"uid": "1", "operation": "CREATE"}}])
def test_nonsense_is_malformed(nonsense):
    with pytest.raises(reviews.Malformed):
        reviews.read(nonsense)


def refusal(resource: resources.Resource) -> str:
    checker = checking.Checker(manifests.compiled(), lambda: True)
    written = reviews.write("1", checker.check(resource))
    assert not written["response"]["allowed"]
    return str(written["response"]["status"]["message"])


def test_a_refusal_shows_place_text_caret_and_suggestion():
    message = refusal(manifests.rule(condition="evt.type = execve and proc.nam = bash"))
    assert "falconrule/team/shell: spec.condition:1:23: error:" in message
    lines = message.splitlines()
    at = next(number for number, line in enumerate(lines) if "proc.nam = bash" in line)
    assert lines[at + 1].index("^") == lines[at].index("proc.nam")
    assert "did you mean 'proc.name'?" in message


def test_all_errors_are_told_at_once():
    message = refusal(manifests.rule(priority="Urgent", output="", conditon="x"))
    assert message.startswith("3 errors")
    for part in ("spec.priority", "spec.output", "spec.conditon"):
        assert part in message


def test_many_errors_are_cut():
    unknown: dict[str, Any] = {f"key{number}": 1 for number in range(30)}
    message = refusal(manifests.rule(**unknown))
    assert "and 22 more" in message


def test_a_rule_set_that_others_depend_on_may_change_with_a_warning():
    words = manifests.rule_set(macros=[{"macro": "spawned", "condition": "evt.type = execve"}])
    known = manifests.compiled(words, manifests.rule(condition="spawned and proc.name = bash"))
    emptied = manifests.rule_set(generation=2, macros=[])
    answer = checking.Checker(known, lambda: True).check(emptied)
    assert not answer.errors
    assert any("this breaks falconrule/team/shell" in each for each in answer.warnings)


def test_before_everything_is_known_nothing_is_refused():
    answer = checking.Checker(manifests.compiled(), lambda: False).check(manifests.rule(condition="nonsense("))
    assert not answer.errors
    assert answer.warnings


def test_warnings_are_short_single_lines():
    answer = reviews.Answer(warnings=["a\nb " + "x" * 400] * 20)
    warnings = reviews.write("1", answer)["response"]["warnings"]
    assert len(warnings) == 8
    assert all(len(each) <= 250 and "\n" not in each for each in warnings)

"""Events written down by hand judge a rule, and are judged themselves."""

from __future__ import annotations

from typing import Any

import pytest

from falcon_rules import typed
from falcon_rules.compiler import types
from falcon_rules.syntax import parser
from falcon_rules.testing import cases


def condition(text: str) -> typed.Condition:
    return types.check(parser.parse(text))


SHELL = condition("evt.type = execve and proc.name in (bash, sh) and fd.sip in (10.0.0.1)")
EVENT = {"evt.type": "execve", "proc.name": "bash", "fd.sip": "10.0.0.1"}


def outcome(event: dict[str, Any], match: bool = True) -> cases.Outcome:
    (found,) = cases.run(SHELL, [cases.Case("c", event, match)])
    return found


def test_cases_are_judged_in_order_each_by_itself() -> None:
    given = [cases.Case("a", EVENT), cases.Case("b", EVENT, False), cases.Case("c", {}, False), cases.Case("d", {})]
    found = cases.run(SHELL, given)
    assert [each.case.name for each in found] == ["a", "b", "c", "d"]
    assert [each.passed for each in found] == [True, False, True, False]
    assert [each.held for each in found] == [True, True, False, False]


def test_no_cases_no_outcomes() -> None:
    assert cases.run(SHELL, []) == ()


def test_what_failed_is_named_with_what_the_event_has() -> None:
    assert "proc.name (here 'zsh')" in (outcome({**EVENT, "proc.name": "zsh"}).problem or "")


def test_what_the_event_lacks_is_named() -> None:
    assert "proc.name (which the event lacks)" in (outcome({"evt.type": "execve"}).problem or "")


@pytest.mark.parametrize(
    ("extra", "key", "suggestion"),
    [
        ({"proc.nam": "x"}, "proc.nam", "proc.name"),
        ({"proc.name and": "x"}, "proc.name and", None),
        ({"not a field": 1}, "not a field", None),
        ({"evt.type": "execv"}, "evt.type", "execve"),
        ({"proc.pid": "many"}, "proc.pid", None),
        ({"proc.name": ["a"]}, "proc.name", None),
        ({"fd.sip": "10.0.0.400"}, "fd.sip", None),
        ({"": 1}, "", None),
    ],
)
def test_an_event_that_cannot_be_fails_the_case_even_if_the_rule_would_not_look(
    extra: dict[str, Any], key: str, suggestion: str | None
) -> None:
    found = outcome({**EVENT, **extra}, match=False)
    assert (found.passed, found.held, found.key) == (False, None, key)
    if suggestion is not None:
        assert found.suggestion == suggestion


@pytest.mark.parametrize(
    "event", [{"proc.aname[2]": "sshd"}, {"k8s.pod.label[app]": "web"}, {"proc.name": {"hex": "ff"}}]
)
def test_fields_with_arguments_and_bytes_are_taken(event: dict[str, Any]) -> None:
    assert outcome({**EVENT, **event}, match="proc.name" not in event).passed

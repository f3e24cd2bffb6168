"""Which alerts a sink gets."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hub.sinks import support

from falcon_hub.routing import choosing
from falcon_hub.sinks import base
from falcon_rules import bundle


def _chosen(match: dict[str, Any], **members: Any) -> bool:
    return choosing.choice(support.wanted("webhook", url="http://x/", match=match))(support.alert(**members))


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ({}, True),
        ({"rules": ["Terminal *"]}, True),
        ({"rules": ["terminal *"]}, False),
        ({"rules": ["Other", "Terminal shell in container"]}, True),
        ({"rules": ["Terminal"]}, False),
        ({"tags": ["shell"]}, True),
        ({"tags": ["net*", "cont*"]}, True),
        ({"tags": ["network"]}, False),
        ({"sources": ["syscall"]}, True),
        ({"sources": ["k8s_audit"]}, False),
        ({"hostnames": ["node-?"]}, True),
        ({"namespaces": ["pay*"]}, True),
        ({"namespaces": ["kube-*"]}, False),
        ({"namespaces": ["pay*"], "tags": ["network"]}, False),
        ({"condition": "k8s.ns.name = payments and proc.pid > 4000"}, True),
        ({"condition": "proc.cmdline contains id and not user.name in (root, www-data)"}, False),
        ({"condition": "fd.name startswith /etc"}, False),
        ({"condition": "not fd.name startswith /etc"}, True),
        ({"condition": "k8s.pod.name glob api-*"}, True),
        ({"condition": "evt.rawtime > 0"}, True),
    ],
)
def test_match(match: dict[str, Any], holds: bool) -> None:
    assert _chosen(match) is holds


def test_an_alert_about_the_host_has_no_namespace() -> None:
    assert not _chosen({"namespaces": ["*"]}, fields={})


def test_a_value_of_another_kind_is_taken_as_not_there() -> None:
    """Fields come from whoever sends: a text where a number belongs decides nothing and breaks nothing."""
    assert not _chosen({"condition": "proc.pid > 1"}, fields={"proc.pid": "not a number"})
    assert _chosen({"condition": "not proc.pid > 1"}, fields={"proc.pid": ["a", {}]})


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("k8s.ns.name =", "match.condition: "),
        ("k8s.ns.nam = 1", "match.condition: column 1: unknown field k8s.ns.nam; did you mean k8s.ns.name?"),
        ("proc.pid = text", "match.condition: column 12: 'text' is not a whole decimal number"),
        ("is_shell and proc.pid = 1", "match.condition: there are no macros here, so what is 'is_shell'?"),
    ],
)
def test_a_condition_that_is_none_is_told_at_the_start(condition: str, told: str) -> None:
    with pytest.raises(base.Unusable) as caught:
        choosing.choice(support.wanted("webhook", url="http://x/", match={"condition": condition}))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(("least", "holds"), [("debug", True), ("Warning", True), ("ERROR", False), ("warn", True)])
def test_minimum_priority(least: str, holds: bool) -> None:
    choice = choosing.choice(support.wanted("webhook", url="http://x/", minimum_priority=least))
    assert choice(support.alert(priority=bundle.Priority.WARNING)) is holds

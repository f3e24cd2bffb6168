"""Warnings about rules that are legal and yet most likely not meant so."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.operator.support.manifests import cluster_rule, compiled, rule

from falcon_operator.reconcile import resources, warnings
from falcon_rules import typed
from falcon_rules.compiler import types
from falcon_rules.diagnostics import Code, Diagnostic
from falcon_rules.lint import implication
from falcon_rules.syntax import parser


def warned(given: resources.Resource, *others: resources.Resource) -> list[Diagnostic]:
    rules = compiled(*others)
    outcomes, _ = rules.check(given)
    return warnings.of(given, outcomes, rules.entries())


def codes(given: resources.Resource, *others: resources.Resource) -> list[Code]:
    return [each.code for each in warned(given, *others)]


def test_an_ordinary_rule_has_no_warnings() -> None:
    assert warned(rule(), rule("other", condition="evt.type = open and proc.name = cat")) == []


# ------------------------------------------------------------------------------------------ contains


def test_contains_with_a_path_from_the_root_is_likely_meant_as_startswith() -> None:
    (found,) = warned(rule(condition="evt.type = open and\n  fd.name contains /etc/"))
    assert (found.code, found.suggestion) == (Code.LIKELY_PREFIX, "fd.name startswith /etc/")
    assert (found.place.file, found.place.line, found.place.column) == ("falconrule/team/shell: spec.condition", 2, 3)


@pytest.mark.parametrize(
    "condition",
    [
        "fd.name contains /.ssh/",
        "fd.name startswith /etc/",
        "proc.cmdline contains /etc/shadow",
        "fd.name contains etc",
    ],
)
def test_other_uses_of_contains_are_fine(condition: str) -> None:
    assert codes(rule(condition=f"evt.type = open and {condition}")) == []


# ------------------------------------------------------------------------------------------ hidden rules

WIDE: dict[str, Any] = {"condition": "evt.type in (execve, execveat) and proc.name in (bash, sh, zsh)"}
NARROW: dict[str, Any] = {"condition": "evt.type = execve and proc.name = bash and user.uid = 0"}


def test_a_rule_behind_a_wider_one_is_warned_about() -> None:
    (found,) = warned(rule("narrow", **NARROW), cluster_rule("wide", **WIDE))
    assert found.code is Code.SHADOWED
    assert "cluster/wide" in found.message


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        pytest.param(rule("a", **WIDE), cluster_rule("b", **NARROW), id="the earlier one is narrower"),
        pytest.param(cluster_rule("a", **NARROW), rule("b", **WIDE), id="the wider one comes later"),
        pytest.param(rule("a", **NARROW), cluster_rule("b", enabled=False, **WIDE), id="switched off"),
        pytest.param(rule("a", **NARROW), cluster_rule("b", mode="Shadow", **WIDE), id="shadow"),
        pytest.param(rule("a", **NARROW), cluster_rule("b", nodeSelector={"x": "y"}, **WIDE), id="other nodes"),
        pytest.param(rule("z", **NARROW), rule("b", namespace="other", **WIDE), id="other namespace"),
        pytest.param(rule("a", **NARROW), cluster_rule("b", scope={"images": ["nginx*"]}, **WIDE), id="other images"),
        pytest.param(cluster_rule("z", **NARROW), cluster_rule("b", scope={"host": False}, **WIDE), id="no hosts"),
        pytest.param(rule("z", **NARROW), rule("z", **WIDE), id="itself"),
    ],
)
def test_a_rule_that_is_not_hidden_is_not_warned_about(narrow: resources.Resource, wide: resources.Resource) -> None:
    assert codes(narrow, wide) == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("proc.name = a", "proc.name = a"),
        ("proc.name = a", "proc.name in (a, b)"),
        ("proc.name in (a, b)", "proc.name in (c, b, a)"),
        ("proc.name = a and proc.pid = 1", "proc.name = a"),
        ("proc.name = a", "proc.name = a or proc.pid = 1"),
        ("proc.name = a or proc.name = b", "proc.name in (a, b)"),
        ("fd.name = /etc/shadow", "fd.name startswith /etc/"),
        ("fd.name startswith /etc/ssh", "fd.name startswith /etc"),
        ("fd.name startswith /etc/ssh", "fd.name contains ssh"),
        ("fd.name endswith .pem", "fd.name contains pem"),
        ("not proc.name in (a, b)", "not proc.name = a"),
        ("proc.name = a", "proc.name exists"),
    ],
)
def test_what_follows_is_seen(given: str, wanted: str) -> None:
    assert implication.implies(tree(given), tree(wanted))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("proc.name = a", "proc.name = b"),
        ("proc.name in (a, b)", "proc.name = a"),
        ("proc.name = a", "proc.name = a and proc.pid = 1"),
        ("proc.name = a or proc.pid = 1", "proc.name = a"),
        ("fd.name startswith /etc", "fd.name startswith /etc/ssh"),
        ("fd.name contains ssh", "fd.name startswith ssh"),
        ("fd.name startswith /etc", "fd.name endswith c"),
        ("not proc.name = a", "not proc.name in (a, b)"),
        ("proc.name != a", "proc.name exists"),
        ("proc.name = a", "proc.pname = a"),
        ("proc.name exists", "proc.name in (a, b)"),
        ("proc.name exists", "proc.name startswith a"),
    ],
)
def test_what_does_not_follow_is_not_claimed(given: str, wanted: str) -> None:
    assert not implication.implies(tree(given), tree(wanted))


def test_conditions_too_deep_to_compare_are_left_undecided() -> None:
    deep: Any = typed.Comparison("exists", typed.FieldRef("proc.name", None, typed.Kind.TEXT))
    for _ in range(50_000):
        deep = typed.Negation(deep)
    good = compiled(rule()).entries()[0].good
    assert good is not None
    other = dataclasses.replace(good, condition=deep)
    assert implication.covers(other, dataclasses.replace(good, condition=typed.Negation(deep))) is False


def tree(text: str) -> typed.Condition:
    return types.check(parser.parse(text))


# ------------------------------------------------------------------------------------------ others


def test_two_rules_that_show_one_name_are_warned_about() -> None:
    (found,) = warned(rule("a", rule="Same"), rule("b", rule="Same", condition="evt.type = open and proc.name = x"))
    assert found.code is Code.DUPLICATE_NAME
    assert "team/b" in found.message


@pytest.mark.parametrize(("condition", "told"), [("evt.num = 0", "never"), ("evt.num >= 1", "every")])
def test_a_condition_that_does_not_depend_on_the_event_is_warned_about(condition: str, told: str) -> None:
    (found,) = warned(rule(condition=condition))
    assert told in found.message

"""Warnings about rules that are legal and most likely not meant as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from tests.rules.support.texts import compile_texts, rule

from falcon_rules import bundle, sensors
from falcon_rules.cli import reading
from falcon_rules.diagnostics import Code, Diagnostic
from falcon_rules.lint import linting
from falcon_rules.loading import compilation

OPEN = "evt.type = openat and fd.name startswith /srv/"


def linted(*texts: str, sensor: sensors.Sensor | None = None) -> list[Diagnostic]:
    return linting.lint(compile_texts(*texts), sensor)


def codes(*texts: str) -> list[Code]:
    return [each.code for each in linted(*texts)]


def exception(fields: str, comps: str, values: str, comment: str = "") -> str:
    lines = [f"- name: known\n  fields: {fields}\n  comps: {comps}\n  values: {values}\n"]
    if comment:
        lines.insert(0, f"{comment}\n")
    body = "".join("  " + line + "\n" for line in "".join(lines).splitlines())
    return f"exceptions:\n{body}"


def test_an_ordinary_rule_has_no_warnings():
    assert codes(rule("a", OPEN, exception("container.image.repository", "in", "[nginx]"))) == []


def test_the_default_rules_have_none():
    files, problems = reading.read([Path(__file__).parents[3] / "rules" / "default"])
    sensor = sensors.installed()
    assert sensor is not None, "this checkout is not installed: run make setup"
    assert (problems, linting.lint(compilation.compile(files), sensor)) == ([], [])


# ------------------------------------------------------------------------------------------ constants


@pytest.mark.parametrize(
    "condition",
    [
        "evt.num = 0",
        "evt.type = open and evt.type = execve",
        "evt.type = open and proc.name = a and proc.name in (b, c)",
        "evt.type = open and proc.name = a and not proc.name in (a, b)",
        "evt.type = open and fd.name startswith /etc/ssh and not fd.name startswith /etc",
        "evt.type = open and proc.name = a and (proc.name = b or proc.name = c)",
        "evt.type = open and not (proc.name = a or not proc.name = a)",
    ],
)
def test_conditions_that_never_hold_are_told(condition):
    (found,) = linted(rule("a", condition))
    assert found.code is Code.CONSTANT_CONDITION
    assert "never" in found.message


@pytest.mark.parametrize("condition", ["evt.num >= 1", "proc.name = a or not proc.name = a"])
def test_conditions_that_always_hold_are_told(condition):
    (found,) = linted(rule("a", condition, "warn_evttypes: false"))
    assert found.code is Code.CONSTANT_CONDITION
    assert "every" in found.message


@pytest.mark.parametrize(
    "condition",
    [
        "evt.type = open and proc.name = a and proc.pname = b",
        "evt.type = open and (proc.name = a or proc.name = b)",
        "evt.type = connect and fd.ip = 10.0.0.1 and fd.ip = 10.0.0.2",
        "evt.type = open and proc.aname = a and proc.aname = b",
        "evt.type = open and proc.name in (a, b) and not proc.name = a",
        "evt.type = open and proc.name != a and not proc.name exists",
    ],
)
def test_conditions_that_may_hold_are_not(condition):
    assert codes(rule("a", condition)) == []


# ------------------------------------------------------------------------------------------ shadowed


def test_a_rule_behind_a_wider_one_is_told():
    (found,) = linted(rule("wide", OPEN), rule("narrow", f"{OPEN} and proc.name = cat"))
    assert (found.code, found.item_name) == (Code.SHADOWED, "narrow")
    assert "'wide'" in found.message


@pytest.mark.parametrize(
    "texts",
    [
        (rule("narrow", f"{OPEN} and proc.name = cat"), rule("wide", OPEN)),
        (rule("wide", OPEN, "enabled: false"), rule("narrow", f"{OPEN} and proc.name = cat")),
        (rule("wide", f"{OPEN} and user.uid = 0"), rule("narrow", f"{OPEN} and proc.name = cat")),
    ],
)
def test_a_rule_that_can_alert_is_not(texts):
    assert codes(*texts) == []


# ------------------------------------------------------------------------------------------ exceptions


@pytest.mark.parametrize(
    ("fields", "comps", "values"),
    [
        ("proc.name", "in", "[backup]"),
        ("proc.cmdline", "contains anyof", "[backup]"),
        ("proc.aname", "in", "[backup]"),
        ("[proc.name, proc.pname]", "[=, =]", "[[a, b]]"),
        ("[proc.name, proc.exepath]", "[=, endswith]", "[[a, /a]]"),
        ("[proc.name, proc.exepath]", "[=, startswith]", "[[a, /tmp/]]"),
        ("proc.exepath", "in", "[/home/me/tool]"),
    ],
)
def test_exceptions_that_anybody_can_have_are_told(fields, comps, values):
    (found,) = linted(rule("a", OPEN, exception(fields, comps, values)))
    assert found.code is Code.BYPASSABLE_EXCEPTION
    assert "'known'" in found.message
    assert "proc.exepath startswith /usr/" in found.message
    assert found.place.line_text.strip() == "- name: known"


@pytest.mark.parametrize(
    ("fields", "comps", "values"),
    [
        ("[proc.name, proc.exepath]", "[=, startswith]", "[[a, /usr/]]"),
        ("[proc.name, fd.name]", "[=, =]", "[[a, /etc/shadow]]"),
        ("[proc.cmdline, user.uid]", "[contains, =]", "[[a, 0]]"),
        ("proc.exepath", "in", "[/usr/bin/tool]"),
        ("proc.name", "in", "[]"),
    ],
)
def test_exceptions_that_take_more_than_a_name_are_not(fields, comps, values):
    assert codes(rule("a", OPEN, exception(fields, comps, values))) == []


def test_a_comment_with_a_reason_silences_a_warning():
    comment = "# falcon-lint: allow FALCON_BYPASSABLE_EXCEPTION, only root starts programs here"
    assert codes(rule("a", OPEN, exception("proc.name", "in", "[backup]", comment))) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# falcon-lint: allow FALCON_BYPASSABLE_EXCEPTION",
        "# falcon-lint: allow FALCON_SHADOWED_RULE, for a reason",
        "# a comment about FALCON_BYPASSABLE_EXCEPTION",
    ],
)
def test_a_comment_without_reason_or_about_another_warning_does_not(comment):
    assert codes(rule("a", OPEN, exception("proc.name", "in", "[backup]", comment))) == [Code.BYPASSABLE_EXCEPTION]


# ------------------------------------------------------------------------------------------ cost


class Flooded:
    """A sensor that can decide nothing for the rules of these names."""

    def __init__(self, floods: Mapping[str, tuple[str, ...]]) -> None:
        self._floods = floods

    def version(self) -> str:
        return "test"

    def explain(self, rule: bundle.Rule) -> list[sensors.InKernel]:
        return []

    def c(self, rule: bundle.Rule) -> str:
        return ""

    def reason(self, field: object) -> str | None:
        return None

    def events(self) -> frozenset[str]:
        return frozenset()

    def floods(self, rules: Iterable[bundle.Rule]) -> Mapping[str, tuple[str, ...]]:
        return self._floods


def test_a_rule_that_forces_every_open_to_user_space_is_told_what_it_costs():
    text = rule("a", "evt.type in (open, openat) and user.name = bob")
    (found,) = linted(text, sensor=Flooded({"open": ("a",), "openat": ("a",)}))
    assert found.code is Code.SHIPS_EVERY_EVENT
    for told in ("every open, openat", "user.name = bob", "microseconds", "fd.name startswith"):
        assert told in found.message


def test_rare_events_may_all_go_to_user_space():
    assert linted(rule("a", "evt.type = mount"), sensor=Flooded({"mount": ("a",)})) == []


def test_the_installed_sensor_knows_what_it_can_decide():
    sensor = sensors.installed()
    flooding, fine = rule("a", "evt.type = openat and user.name = bob"), rule("b", OPEN)
    still = rule("c", "evt.type = openat and user.name = carl and not proc.name = tar")
    assert [each.item_name for each in linted(flooding, fine, still, sensor=sensor)] == ["a", "c"]

"""Exceptions made from alerts: whatever the values are, the rule keeps silent about them, and only about them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hub.web.support import examples

from falcon_hub import alerts
from falcon_hub.web import asking, exceptions
from falcon_rules import evaluate
from falcon_rules.evaluate import mapping
from falcon_rules.loading import compilation
from falcon_rules.model import documents

FIELDS = {
    "container.image.repository": "docker.io/library/nginx",
    "k8s.ns.name": "shop",
    "proc.exepath": "/usr/bin/cat",
    "proc.name": "cat",
    "proc.pname": "sh",
    "proc.cmdline": "cat /etc/shadow",
    "user.uid": 0,
}


def made(fields: dict[str, Any] | None = None, **members: Any) -> alerts.Alert:
    """An alert with these fields and no others."""
    document = examples.one(1, **members).to_json() | {"output_fields": FIELDS if fields is None else fields}
    return alerts.parse(document)


def silent(rule: str, text: str, event: dict[str, Any]) -> bool:
    """Whether a rule that always holds is silent with the exception, read by the rules' own loader."""
    always = {"rule": rule, "desc": "x", "condition": "evt.num >= 0", "output": "x", "priority": "INFO"}
    result = compilation.compile(
        [documents.Document("own", yaml.safe_dump([always], allow_unicode=True)), documents.Document("exception", text)]
    )
    assert result.errors == ()
    return not evaluate.compile_condition(result.rules[0].condition, mapping.resolver)(event | {"evt.num": 1})


def test_the_usual_fields_are_chosen_and_all_must_fit():
    found = exceptions.suggest(made())
    chosen = [each.name for each in found.fields if each.chosen]
    assert chosen == ["container.image.repository", "k8s.ns.name", "proc.exepath", "proc.pname", "proc.cmdline"]
    assert silent(made().rule, found.yaml, FIELDS)
    for name in chosen:
        assert not silent(made().rule, found.yaml, FIELDS | {name: "/other"})
    # What is not chosen may be anything.
    assert silent(made().rule, found.yaml, FIELDS | {"user.uid": 7})


def test_it_appends_to_the_rule_and_says_where_it_comes_from():
    alert = made(rule="Shell: a 'rule' with # signs")
    text = exceptions.suggest(alert).yaml
    (entry,) = yaml.safe_load(text)
    assert entry["rule"] == alert.rule
    assert entry["override"] == {"exceptions": "append"}
    assert text.startswith(f"# From the alert {alert.uuid}\n")


TEXT_FIELDS = ("proc.name", "proc.cmdline", "fd.name", "proc.aname[2]", "container.image.repository")
TROUBLE = (
    '"',
    "'",
    "\\",
    "(",
    "in",
    "and",
    "true",
    "0",
    " ",
    "a b",
    "-",
    "{{x}}",
    "%",
    "#",
    "*",
    "~",
    "null",
    "[a]",
    "\x85",
)
TEXTS = st.text(st.characters(exclude_characters="\x00\ufffd", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(TEXT_FIELDS), TEXTS | st.sampled_from(TROUBLE), min_size=1))
def test_any_text_is_written_so_that_it_reads_back(fields: dict[str, str]):
    fields = {
        name: value for name, value in fields.items() if value != "<NA>" and not (name == "fd.name" and "->" in value)
    }
    if not fields:
        return
    found = exceptions.suggest(made(fields), list(fields))
    assert silent(made().rule, found.yaml, fields)
    one = next(iter(fields))
    assert not silent(made().rule, found.yaml, fields | {one: fields[one] + "x"})


def test_numbers_truth_values_and_addresses():
    fields = {"user.uid": 0, "fd.sport": "443", "evt.is_open_write": True, "fd.sip": "10.0.0.1"}
    found = exceptions.suggest(made(fields), list(fields))
    assert silent(
        made().rule, found.yaml, {"user.uid": 0, "fd.sport": 443, "evt.is_open_write": True, "fd.sip": "10.0.0.1"}
    )


def test_what_is_different_each_time_is_not_offered():
    passing = {
        "proc.pid": 1,
        "evt.time": 5,
        "container.id": "abc",
        "fd.name": "10.0.0.1:40000->10.0.0.2:443",
        "proc.tty": 3,
    }
    unknown = {"my.field": "x", "environment": "production", "proc.env": None, "proc.exe": "<NA>", "proc.args": ""}
    found = exceptions.suggest(made({"proc.name": "cat"} | passing | unknown))
    assert [each.name for each in found.fields] == ["proc.name"]


def test_what_an_intruder_can_choose_is_said():
    notes = {each.name: each.note for each in exceptions.suggest(made()).fields}
    assert notes["container.image.repository"] is None
    assert "an intruder can choose it: a process names its own proc.cmdline" in str(notes["proc.cmdline"])
    assert exceptions.suggest(made()).warnings == [
        "Whoever takes over a container of docker.io/library/nginx can do the same without this rule telling."
    ]
    everywhere, anybody = exceptions.suggest(made(), ["proc.name"]).warnings[::-1]
    assert anybody.startswith("Anybody can step into this exception: a process names its own proc.name")
    assert "every machine" in everywhere


@pytest.mark.parametrize(
    ("fields", "wanted", "says"),
    [
        ({}, None, "no field that an exception could ask for"),
        (FIELDS, ["proc.pid"], "cannot ask for 'proc.pid'"),
        (FIELDS, [], "at least one field"),
    ],
)
def test_what_cannot_be_made_is_said(fields: dict[str, Any], wanted: list[str] | None, says: str):
    with pytest.raises(asking.BadQuestion, match=says):
        exceptions.suggest(made(fields), wanted)

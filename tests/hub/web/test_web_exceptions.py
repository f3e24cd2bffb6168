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
from falcon_operator.reconcile import catalog, resources
from falcon_rules import evaluate
from falcon_rules.evaluate import mapping
from falcon_rules.loading import compilation
from falcon_rules.model import documents, manifests

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


ALWAYS = {"condition": "evt.type = execve", "output": "x", "priority": "INFO"}


def silent_resource(kind: manifests.Kind, spec: str, event: dict[str, Any]) -> bool:
    """The same for a custom resource, taken by the operator. spec: its YAML, with the exception where it belongs."""
    namespace = "  namespace: shop\n" if kind is manifests.Kind.RULE else ""
    text = f"apiVersion: falcon.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: own\n{namespace}{spec}"
    known = catalog.Catalog()
    known.put(resources.Resource.of(yaml.safe_load(text)))
    known.compile()
    (entry,) = known.entries()
    assert (entry.verdict, entry.diagnostics) == (catalog.Verdict.GOOD, ())
    assert entry.good is not None
    return not evaluate.compile_condition(entry.good.condition, mapping.resolver)(event | {"evt.type": "execve"})


def spec_with(fragment: str) -> str:
    """The spec of a rule for executions, with what the fragment has below `spec:`."""
    head, _, body = fragment.partition("spec:\n")
    assert all(line.startswith("#") for line in head.splitlines())
    return f"spec:\n  rule: A rule\n{''.join(f'  {key}: {value}{chr(10)}' for key, value in ALWAYS.items())}{body}"


@pytest.mark.parametrize("kind", [manifests.Kind.RULE, manifests.Kind.CLUSTER_RULE])
def test_the_operator_takes_the_manifests_form(kind: manifests.Kind):
    found = exceptions.suggest(made())
    spec = spec_with(found.manifest)
    assert silent_resource(kind, spec, FIELDS)
    for name in (each.name for each in found.fields if each.chosen):
        assert not silent_resource(kind, spec, FIELDS | {name: "/other"})


def test_the_operator_takes_the_rule_files_form_in_a_rule_set():
    rule = yaml.safe_dump([{"rule": made().rule, "desc": "x", **ALWAYS}])
    text = rule + exceptions.suggest(made()).yaml
    spec = yaml.safe_dump({"spec": {"rules": text}})
    assert silent_resource(manifests.Kind.RULE_SET, spec, FIELDS)
    assert not silent_resource(manifests.Kind.RULE_SET, spec, FIELDS | {"proc.exepath": "/other"})


@pytest.mark.parametrize("value", ["1e3", "0o14", "yes", "null", "=", "0x1f", "12:30:00", "a: b", "\u2028", "é\n"])
def test_no_reader_of_yaml_takes_a_text_for_something_else(value: str):
    found = exceptions.suggest(made({"proc.name": value}), ["proc.name"])
    (written,) = yaml.safe_load(found.manifest)["spec"]["exceptions"][0]["values"][0]
    assert f'- "{written}"\n' in found.manifest or "\\" in found.manifest
    assert silent_resource(manifests.Kind.CLUSTER_RULE, spec_with(found.manifest), {"proc.name": value})


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
    assert silent_resource(manifests.Kind.CLUSTER_RULE, spec_with(found.manifest), fields)
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

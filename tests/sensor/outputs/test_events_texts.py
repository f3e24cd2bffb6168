"""Names and notes of Kubernetes Events."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.sensor.outputs.support import examples

from falcon_rules import bundle
from falcon_sensor.outputs.kubernetes_events import objects, texts

SOURCE = objects.Source("node-1", "falcon-sensor-x7k2p")
POD: dict[str, Any] = {"pod_uid": "uid-1", "pod_name": "web-0", "pod_namespace": "team"}


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("Terminal shell in container", "TerminalShellInContainer"),
        ("Read sensitive file untrusted", "ReadSensitiveFileUntrusted"),
        ("Run SSH-agent as root", "RunSSHAgentAsRoot"),
        ("Don't do this", "DontDoThis"),
        ("Détection d'intrusion", "DetectionDintrusion"),
        ("2 shells / 1 pod", "2Shells1Pod"),
        ("規則", "Alert"),
        ("", "Alert"),
        ("word " * 60, ("Word" * 60)[:128]),
    ],
)
def test_reasons_are_rule_names_in_camel_case(rule, reason):
    assert texts.reason(rule) == reason
    assert re.fullmatch("[A-Za-z0-9]{1,128}", texts.reason(rule))


@pytest.mark.parametrize("length", [1, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("character", ["a", "é", "規", "🔥"])
def test_notes_are_cut_between_characters(length, character):
    text = "x" + character * length
    note = texts.note(text)
    assert len(note.encode()) <= 1024
    if len(text.encode()) <= 1024:
        assert note == text
    else:
        assert note.endswith(f"{character}...")
        assert len(note.encode()) > 1024 - 4 - 3


def test_notes_steer_no_terminal():
    shown = texts.note("a\x1b[2J\nb\u202e\udc80")
    assert shown == "a\\x1b[2J\\nb\\u202e\\udc80"


def test_names_are_of_the_object_and_the_alert():
    name = texts.event_name("web-0", "u1")
    assert re.fullmatch(r"web-0\.[0-9a-f]{16}", name)
    assert name == texts.event_name("web-0", "u1") != texts.event_name("web-0", "u2")


@pytest.mark.parametrize("about", ["x" * 253, "x" * 235 + "-.-.-" + "y" * 10, "UPPER_case", ""])
def test_names_are_always_dns_names(about):
    name = texts.event_name(about, "12345678-9abc-4def-8000-000000000000")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name)
    assert len(name) <= 253


def event(alert):
    sighting = objects.Sighting(alert.time, alert.uuid, texts.note(alert.output))
    return objects.event(SOURCE, SOURCE.subject(alert), alert, sighting)


def test_an_alert_in_a_pod_is_about_the_pod():
    made = event(examples.alert(container_name="app", container_id="c" * 64, **POD))
    assert made["regarding"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "team",
        "name": "web-0",
        "uid": "uid-1",
        "fieldPath": "spec.containers{app}",
    }
    assert made["metadata"]["namespace"] == "team"
    assert made["reportingController"] == "falcon.dev/sensor"
    assert made["reportingInstance"] == "falcon-sensor-x7k2p"
    assert made["eventTime"] == "2023-11-14T22:13:20.000000Z"


def test_without_a_container_name_there_is_no_field_path():
    assert "fieldPath" not in event(examples.alert(**POD))["regarding"]


@pytest.mark.parametrize("known", [{}, {"pod_uid": "uid-1"}, {"container_id": "c" * 64}])
def test_what_is_in_no_known_pod_is_about_the_node(known: dict[str, Any]):
    made = event(examples.alert(**known))
    assert made["regarding"] == {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "node-1"}
    assert made["metadata"]["namespace"] == objects.CLUSTER


@pytest.mark.parametrize("priority", list(bundle.Priority))
def test_warnings_are_those_from_priority_warning_up(priority):
    urgent = priority in (
        bundle.Priority.EMERGENCY,
        bundle.Priority.ALERT,
        bundle.Priority.CRITICAL,
        bundle.Priority.ERROR,
        bundle.Priority.WARNING,
    )
    made = event(examples.alert(priority=priority))
    assert made["type"] == ("Warning" if urgent else "Normal")
    assert made["metadata"]["labels"]["falcon.dev/priority"] == priority.label


def test_the_whole_rule_name_and_the_uuid_are_annotations():
    made = event(examples.alert(7, rule="A rule: with odd ✓ characters " * 5))
    assert made["metadata"]["annotations"]["falcon.dev/rule"] == "A rule: with odd ✓ characters " * 5
    assert made["metadata"]["annotations"]["falcon.dev/uuid"].endswith("7")
    assert re.fullmatch("[A-Za-z0-9]{1,63}", made["metadata"]["labels"]["falcon.dev/rule"])

"""What strangers send becomes an alert, or an error that names the member at fault."""

from __future__ import annotations

import json
import uuid

import pytest

from falcon_hub import alerts
from falcon_rules import bundle

FALCO = {
    "hostname": "node-1",
    "output": "22:13:20.123456789: Warning read /etc/shadow",
    "output_fields": {"evt.time": 1700000000123456789, "fd.name": "/etc/shadow", "k8s.ns.name": "shop"},
    "priority": "Warning",
    "rule": "Read a secret",
    "source": "syscall",
    "tags": ["network", "files", "files"],
    "time": "2023-11-14T22:13:20.123456789Z",
}


def test_falcos_alert_is_understood():
    found = alerts.parse(FALCO)
    assert found.time_ns == 1700000000123456789
    assert (found.rule, found.priority, found.hostname) == ("Read a secret", bundle.Priority.WARNING, "node-1")
    assert found.tags == ("files", "network")
    assert found.message == "read /etc/shadow"
    assert (found.namespace, found.pod) == ("shop", None)


def test_an_alert_without_uuid_gets_the_same_one_each_time_and_another_one_another():
    first = alerts.parse(FALCO)
    assert alerts.parse(json.loads(json.dumps(FALCO, indent=1))).uuid == first.uuid
    assert alerts.parse(FALCO | {"hostname": "node-2"}).uuid != first.uuid
    assert uuid.UUID(first.uuid).version == 5


def test_json_and_back_is_the_same_alert():
    found = alerts.parse(FALCO | {"uuid": "{6A0D1F7E-5F0B-4C55-9B8B-1C4B0F6B2A11}"})
    assert found.uuid == "6a0d1f7e-5f0b-4c55-9b8b-1c4b0f6b2a11"
    assert alerts.parse(json.loads(json.dumps(found.to_json()))) == found


def test_falcosidekicks_and_lean_forms_are_understood():
    lean = {"rule": "r", "priority": "INFO", "time": "2023-11-14T23:13:20.5+01:00", "message": "m", "tags": None}
    found = alerts.parse(lean)
    assert found.priority is bundle.Priority.INFORMATIONAL
    assert found.time_ns == 1700000000500000000
    assert (found.output, found.tags, found.source, found.fields) == ("m", (), "syscall", {})


@pytest.mark.parametrize("value", ["", "<NA>", None])
def test_what_a_sender_does_not_know_is_not_there(value: str | None):
    assert alerts.parse(FALCO | {"output_fields": {"k8s.ns.name": value}}).namespace is None


def test_text_that_no_database_takes_is_replaced():
    found = alerts.parse(FALCO | {"output": "a\x00b\ud800c", "output_fields": {"x\x00": ["\udfff", {"k": "\x00"}]}})
    assert found.output == "a\ufffdb\ufffdc"
    assert found.fields == {"x\ufffd": ["\ufffd", {"k": "\ufffd"}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"priority": "Urgent"}, "priority must be one of Emergency, .*, not 'Urgent'"),
        ({"priority": None}, "priority must be"),
        ({"rule": ""}, "rule must be text"),
        ({"rule": 5}, "rule must be text, not 5"),
        ({"rule": "x" * 2000}, "rule has more than"),
        ({"time": "yesterday"}, "time: 'yesterday' is no RFC 3339 time"),
        ({"time": "2023-13-14T22:13:20Z"}, "time: "),
        ({"time": "0001-01-01T00:00:00Z"}, "before 1970"),
        ({"time": 5}, "time must be RFC 3339 text"),
        ({"uuid": "abc"}, "uuid must be a UUID"),
        ({"uuid": 5}, "uuid must be a UUID"),
        ({"tags": "files"}, "tags must be a list of texts"),
        ({"tags": [1]}, "tags must be a list of texts"),
        ({"output": {}}, "output must be text"),
        ({"output_fields": []}, "output_fields must be an object"),
        ({"hostname": 1}, "hostname must be text"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], message: str):
    with pytest.raises(alerts.Invalid, match=message):
        alerts.parse(FALCO | change)


@pytest.mark.parametrize("document", [None, [], "x", 5])
def test_only_an_object_is_an_alert(document: object):
    with pytest.raises(alerts.Invalid, match="must be a JSON object"):
        alerts.parse(document)

"""Syslog messages to the letter of RFC 5424, whatever is in an alert."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sensor.outputs.support import examples

from falcon_rules import bundle
from falcon_sensor.outputs import build, render
from falcon_sensor.outputs.syslog import address, messages
from falcon_sensor.settings import feeds, model

NAME = r"[!-<>-\\^-~]{1,32}"
VALUE = r'"(?:[^"\\\]]|\\.|\\)*"'
RFC_5424 = re.compile(
    rf"<(?P<pri>\d{{1,3}})>1 (?P<time>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z) (?P<host>[!-~]{{1,255}}) "
    rf"(?P<app>[!-~]{{1,48}}) (?P<proc>[!-~]{{1,128}}) (?P<id>[!-~]{{1,32}}) "
    rf"(?P<data>-|\[{NAME}(?: {NAME}={VALUE})*\]) (?P<message>.*)"
)


def writer(*, json_output: bool = False, local: bool = False, longest: int = 8096, **options):
    settings = feeds.SyslogOutput(enabled=True, **options)
    line = render.renderer(model.Settings(json_output=json_output))
    return messages.Messages(settings, line, longest, local=local, as_json=json_output)


def parsed(message: bytes) -> dict[str, str]:
    found = RFC_5424.fullmatch(message.decode())
    assert found, message
    return found.groupdict()


anything = st.text(st.characters(), max_size=60)


@given(anything, anything, anything, anything, st.booleans())
def test_nothing_in_an_alert_breaks_out_of_its_place(rule, output, host, pod, json_output):
    alert = examples.alert(rule=rule, output=output, hostname=host, pod_name=pod, fields={"proc.name": output})
    message = writer(json_output=json_output).message(alert)
    assert not any(byte < 32 for byte in message)
    found = parsed(message)
    if json_output:
        # As everywhere: what is no character is written as its escape.
        assert json.loads(found["message"])["rule"] == rule.encode("utf-8", "backslashreplace").decode()


@given(st.integers(1024, 4000), st.text(st.characters(codec="utf-8"), max_size=3000), st.booleans())
def test_no_message_is_longer_than_it_may_be_and_json_stays_json(longest, text, json_output):
    alert = examples.alert(output=text, fields={f"field.{n}": text for n in range(3)}, rule=text[:300])
    message = writer(json_output=json_output, longest=longest).message(alert)
    assert len(message) <= longest
    found = parsed(message)
    if json_output:
        shown = json.loads(found["message"])
        assert (shown["uuid"], shown["priority"]) == (alert.uuid, "Notice")


def test_header_and_structured_data():
    alert = examples.alert(
        priority=bundle.Priority.CRITICAL,
        hostname="näme with blanks",
        tags=("a", "b"),
        pod_namespace="team",
        pod_name="web-0",
        container_name="web",
        container_id="abc",
    )
    found = parsed(writer(facility="local7", app_name="my app").message(alert))
    assert found["pri"] == str(23 * 8 + 2)
    assert found["time"] == "2023-11-14T22:13:20.000000Z"
    assert (found["host"], found["app"], found["proc"]) == ("n_me_with_blanks", "my_app", str(os.getpid()))
    assert found["data"] == (
        f'[falcon@32473 uuid="{alert.uuid}" rule="Terminal shell in container" priority="Critical" source="syscall" '
        'tags="a,b" namespace="team" pod="web-0" container="web" container_id="abc"]'
    )


def test_structured_data_can_be_left_out():
    assert parsed(writer(structured_data=False).message(examples.alert()))["data"] == "-"


def test_the_local_form_is_the_c_library_s(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    message = writer(local=True).message(dataclasses.replace(examples.alert(), time=1_699_222_501 * 10**9))
    assert message.decode().startswith(f"<13>Nov  5 22:15:01 falcon-sensor[{os.getpid()}]: 22:15:01.")
    monkeypatch.undo()
    time.tzset()


def test_what_fits_is_not_touched():
    made = writer()
    made.message(examples.alert(output="x" * 5000))
    assert made.cut == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:///dev/log", address.Address("unix", path="/dev/log")),
        ("udp://collector", address.Address("udp", host="collector", port=514)),
        ("tcp://[::1]:1514", address.Address("tcp", host="::1", port=1514)),
        ("tls://collector.example", address.Address("tls", host="collector.example", port=6514)),
    ],
)
def test_addresses(text, expected):
    assert address.read(text) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"address": "collector:514"}, "syslog_output.address: must begin with unix://, udp://, tcp:// or tls://"),
        ({"address": "unix://dev/log"}, "must be unix:// and an absolute path"),
        ({"address": "tcp://"}, "has no host"),
        ({"address": "tcp://host/path"}, "must be no more than host and port"),
        ({"address": "tcp://host:99999"}, "syslog_output.address: Port out of range"),
        ({"structured_data_id": "falcon"}, "is not name@number"),
        ({"address": "tls://host", "ca_cert": "/nowhere"}, "TLS cannot be set up: /nowhere"),
    ],
)
def test_what_cannot_work_is_an_error_at_the_start(options, said):
    settings = model.Settings(syslog_output=feeds.SyslogOutput(enabled=True, **options))
    with pytest.raises(build.Unusable, match=re.escape(said)):
        build.outputs(settings)

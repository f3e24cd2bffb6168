"""`falcon-rules fields` and `events`: what rules may speak of."""

from __future__ import annotations

import json

import pytest

from falcon_rules import sensors
from falcon_rules.cli import commands
from falcon_rules.fields import events, table


def listed(capsys, *arguments):
    assert commands.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_field_is_listed_with_whether_the_sensor_can_fill_it(capsys):
    found = {each["name"]: each for each in listed(capsys, "fields")["fields"]}
    assert found.keys() == table.fields().keys()
    assert found["proc.name"]["missing"] is None
    assert found["proc.vmsize"]["missing"]


def test_fields_of_one_class(capsys):
    found = listed(capsys, "fields", "--class", "user")["fields"]
    assert {each["class"] for each in found} == {"user"}


@pytest.mark.parametrize("written", ["proc.aname", "proc.aname[2]", "evt.arg.flags", "container.label[app]"])
def test_one_field_as_a_rule_writes_it(capsys, written):
    assert commands.run(["fields", written]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(written.partition("[")[0].removesuffix(".flags") + "\n")
    assert "argument" in shown


def test_every_event_is_listed_with_whether_the_sensor_watches_it(capsys):
    found = {each["name"]: each for each in listed(capsys, "events")["events"]}
    assert found.keys() == events.names()
    assert (found["execve"]["watched"], found["cpu_hotplug"]["watched"]) == (True, False)
    assert {"name": "flags", "type": "FLAGS32"} in found["openat"]["arguments"]


def test_lists_are_readable_as_text(capsys):
    assert commands.run(["fields"]) == 0
    assert commands.run(["events"]) == 0
    assert commands.run(["events", "openat"]) == 0
    assert "evt.arg.flags  FLAGS32" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "close"),
    [(["fields", "proc.nam"], "proc.name"), (["fields", "--class", "proces"], "proc"), (["events", "opnat"], "openat")],
)
def test_unknown_names_are_told_the_close_one(capsys, arguments, close):
    assert commands.run(arguments) == 1
    assert close in capsys.readouterr().err


def test_without_a_sensor_nothing_is_said_of_what_it_could_supply(capsys, monkeypatch):
    monkeypatch.setattr(sensors, "installed", lambda: None)
    assert listed(capsys, "fields", "proc.name") == {
        "sensor": None,
        "fields": [listed(capsys, "fields", "proc.name")["fields"][0]],
    }
    assert listed(capsys, "events", "openat")["events"][0]["watched"] is None
    assert commands.run(["events"]) == 0
    assert "no sensor is installed" in capsys.readouterr().out

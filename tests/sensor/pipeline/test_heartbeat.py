"""The sensor after a killed one tells for how long nobody watched."""

from __future__ import annotations

import json

import pytest

from falcon_sensor import alerts
from falcon_sensor.pipeline import heartbeat, troubles


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "alive"


def told(path, seconds=42.0):
    """Alerts of a sensor that starts so long after the note."""
    found: list[alerts.Alert] = []
    heart = heartbeat.Heartbeat(path)
    note = heart.before()
    heart.tell(note, troubles.Troubles(found.append, "host"), (note.time if note else 0) + int(seconds * 1e9))
    return [(alert.rule, alert.fields.get("falcon.seconds")) for alert in found]


def test_the_first_sensor_has_nothing_to_tell(path):
    assert told(path) == []


def test_a_sensor_that_was_killed(path):
    heartbeat.Heartbeat(path).tend(100.0)
    assert told(path) == [("Falcon internal: sensor was killed", 42.0)]


def test_a_sensor_that_ended_in_order(path):
    heart = heartbeat.Heartbeat(path)
    heart.tend(100.0)
    heart.end()
    assert told(path) == [("Falcon internal: sensor was stopped", 42.0)]


def test_a_machine_that_was_started_anew(path):
    heart = heartbeat.Heartbeat(path)
    heart.tend(100.0)
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot": "another"}))
    assert told(path) == [("Falcon internal: sensor was stopped", 42.0)]


def test_the_note_is_written_every_ten_seconds(path):
    heart = heartbeat.Heartbeat(path)
    heart.tend(100.0)
    first = path.read_bytes()
    heart.tend(109.9)
    assert path.read_bytes() == first
    heart.tend(110.0)
    assert path.read_bytes() != first
    assert len(path.read_bytes()) == len(first) == 512


@pytest.mark.parametrize("content", [b"", b"rubbish", b"[]", b'{"boot": 1}', b"\xff" * 512])
def test_rubbish_is_no_note(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert told(path) == []


def test_a_link_in_the_notes_place_is_not_followed_and_said(path, tmp_path):
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    heart = heartbeat.Heartbeat(path)
    heart.tend(100.0)
    assert not (tmp_path / "elsewhere").exists()
    assert heart.problem.startswith(f"cannot write {path}: ")

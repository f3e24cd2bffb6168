"""`falcon-rules explain`: what a rule has become."""

from __future__ import annotations

import json

import pytest
from tests.rules.support.texts import rule

from falcon_rules import sensors
from falcon_rules.cli import commands

TEXT = (
    "- macro: reading\n  condition: evt.type in (open, openat)\n"
    "- list: secrets\n  items: [/etc/shadow, /etc/gshadow]\n"
    + rule("Secrets", "reading and fd.name in (secrets) and user.name = bob", output="read %fd.name")
    + rule("Other", "reading and fd.name = /x")
)


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(TEXT)
    return str(file)


def test_the_expanded_condition_the_events_and_the_kernels_part_are_shown(rules, capsys):
    assert commands.run(["explain", "Secrets", "-r", rules]) == 0
    shown = capsys.readouterr().out
    assert "evt.type in (open, openat) and fd.name in (/etc/shadow, /etc/gshadow) and user.name = bob" in shown
    assert "\nevents:\n  open, openat\n" in shown
    assert "    decided  fd.name in (/etc/shadow, /etc/gshadow)\n" in shown
    assert "    left     user.name = bob\n" in shown


def test_json_has_all_of_it(rules, capsys):
    assert commands.run(["explain", "Secrets", "-r", rules, "--json", "--python", "--c"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["event_types"] == ["open", "openat"]
    assert [each["event"] for each in shown["kernel"]["events"]] == ["open", "openat"]
    assert shown["kernel"]["events"][0]["left"] == ["user.name = bob"]
    assert "def rules(e):" in shown["python"]
    assert "falcon_want_open" in shown["c"]


def test_the_generated_texts_can_be_had_alone(rules, capsys):
    assert commands.run(["explain", "Secrets", "-r", rules, "--python"]) == 0
    compile(capsys.readouterr().out, "python", "exec")
    assert commands.run(["explain", "Secrets", "-r", rules, "--c"]) == 0
    assert capsys.readouterr().out.count("falcon_want_") >= 2


def test_a_misspelt_name_is_told_the_close_one(rules, capsys):
    assert commands.run(["explain", "Secretz", "-r", rules]) == 1
    assert "did you mean 'Secrets'?" in capsys.readouterr().err


def test_a_broken_rule_is_explained_by_its_error(tmp_path, capsys):
    file = tmp_path / "broken.yaml"
    file.write_text(rule("Broken", "evt.tipe = open"))
    assert commands.run(["explain", "Broken", "-r", str(file)]) == 1
    assert "unknown field evt.tipe" in capsys.readouterr().err


def test_without_a_sensor_everything_else_is_shown(rules, capsys, monkeypatch):
    monkeypatch.setattr(sensors, "installed", lambda: None)
    assert commands.run(["explain", "Secrets", "-r", rules]) == 0
    assert "no sensor is installed" in capsys.readouterr().out
    assert commands.run(["explain", "Secrets", "-r", rules, "--c"]) == 1


def test_long_conditions_are_laid_out_over_lines(tmp_path, capsys):
    file = tmp_path / "long.yaml"
    names = " or ".join(f"proc.name startswith program{number}" for number in range(8))
    file.write_text(rule("Long", f"evt.type = open and not ({names})"))
    assert commands.run(["explain", "Long", "-r", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "  evt.type = open\n  and not (\n    proc.name startswith program0\n    or proc.name" in shown

"""`falcon-rules check`: what it prints and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from falcon_rules.cli import commands
from falcon_rules.lint import linting

GOOD = "- rule: {0}\n  desc: d\n  condition: evt.type = open and fd.name = /{0}\n  output: o\n  priority: WARNING\n"


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "20.yml").write_text(GOOD.format("second"))
    (tmp_path / "10.yaml").write_text(GOOD.format("first"))
    (tmp_path / "notes.txt").write_text("not: rules")
    return tmp_path


def test_a_directory_is_read_in_the_order_of_names(rules, capsys):
    assert commands.run(["check", str(rules), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["ok"] is True
    assert [rule["name"] for rule in shown["rules"]] == ["first", "second"]


def test_errors_are_printed_with_their_place_and_the_exit_code_is_1(rules, capsys):
    (rules / "30.yaml").write_text(GOOD.format("third").replace("evt.type", "evt.tipe"))
    assert commands.run(["check", str(rules)]) == 1
    shown = capsys.readouterr().out
    assert f"{rules}/30.yaml:3:14: error: unknown field evt.tipe" in shown
    assert "did you mean 'evt.type'?" in shown
    assert shown.endswith("3 files, 2 rules compiled, 1 error, 0 warnings\n")


@pytest.mark.parametrize("name", ["missing.yaml", "empty"])
def test_what_cannot_be_read_is_an_error(tmp_path, name, capsys):
    (tmp_path / "empty").mkdir()
    assert commands.run(["check", str(tmp_path / name)]) == 1
    assert "[LOAD_ERR_FILE_READ]" in capsys.readouterr().out


def test_bytes_that_are_no_text_are_an_error_with_a_place(tmp_path, capsys):
    file = tmp_path / "f.yaml"
    file.write_bytes(b"- rule: a\n  desc: \xff\n")
    assert commands.run(["check", str(file)]) == 1
    assert "f.yaml:2:9: error: the file is not UTF-8 here" in capsys.readouterr().out


def test_wrong_usage_exits_with_2():
    with pytest.raises(SystemExit) as caught:
        commands.run(["check"])
    assert caught.value.code == 2


def test_runs_as_a_module_and_survives_a_reader_that_leaves(rules):
    command = f"{sys.executable} -m falcon_rules check {rules} --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "{"
    assert done.stderr == ""


MANIFEST = """\
apiVersion: falcon.dev/v1alpha1
kind: FalconRule
metadata: {{name: {name}, namespace: team}}
spec:
  condition: {condition}
  output: o
  priority: WARNING
"""
RULE_SET = """\
apiVersion: falcon.dev/v1alpha1
kind: FalconRuleSet
metadata: {name: shared}
spec:
  macros:
    - macro: reading
      condition: evt.type in (open, openat)
  rules: |
    - rule: from the set
      desc: d
      condition: reading and fd.name = /y
      output: o
      priority: WARNING
"""


def test_manifests_and_rule_files_are_checked_together(rules, capsys):
    (rules / "50.yaml").write_text(MANIFEST.format(name="mine", condition="reading and fd.name = /x"))
    (rules / "60.yaml").write_text(RULE_SET)
    assert commands.run(["check", str(rules), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [rule["name"] for rule in shown["rules"]] == ["first", "second", "from the set", "mine"]


def test_an_error_in_a_manifest_says_which_file_resource_and_field(rules, capsys):
    (rules / "50.yaml").write_text(MANIFEST.format(name="mine", condition="evt.type = open and proc.nam = x"))
    assert commands.run(["check", str(rules)]) == 1
    shown = capsys.readouterr().out
    assert f"{rules}/50.yaml: falconrule/team/mine: spec.condition:1:21: error: unknown field proc.nam" in shown


def test_that_too_many_rules_were_not_compared_is_said(rules, capsys, monkeypatch):
    assert commands.run(["check", str(rules)]) == 0
    assert "not looked for" not in capsys.readouterr().out
    monkeypatch.setattr(linting, "MOST_COMPARED", 1)
    assert commands.run(["check", str(rules)]) == 0
    assert "more than 1 rules: not looked for ones that others hide\n" in capsys.readouterr().out

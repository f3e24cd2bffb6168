"""`falcon-rules test`: tests beside rules, and those of manifests."""

from __future__ import annotations

import json

import pytest
from tests.rules.support.texts import rule

from falcon_rules.cli import commands

RULES = "- macro: starting\n  condition: evt.type = execve\n" + rule(
    "Shell", "starting and proc.name in (bash, sh)", output="shell %proc.name by %user.name"
)
GOOD = """
- test: bash
  rule: Shell
  event: {evt.type: execve, proc.name: bash, user.name: bob}
  output: shell bash by bob
- test: a library
  rule: Shell
  event: {evt.type: execve, proc.name: ld}
  match: false
"""
MANIFEST = """
apiVersion: falcon.dev/v1alpha1
kind: FalconRuleSet
metadata: {name: shared}
spec:
  macros: [{macro: starting, condition: evt.type = execve}]
---
apiVersion: falcon.dev/v1alpha1
kind: FalconRule
metadata: {name: shell, namespace: team}
spec:
  condition: starting and proc.name = bash
  output: shell
  priority: Warning
  tests:
    - {name: bash, event: {evt.type: execve, proc.name: bash}}
    - {name: other, event: {evt.type: execve, proc.name: WHAT}, match: false}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shells.yaml").write_text(RULES)
    (tmp_path / "shells.tests.yaml").write_text(GOOD)
    return tmp_path


def outcome_of(*paths, capsys):
    assert commands.run(["test", "--json", *map(str, paths)]) == 0
    return json.loads(capsys.readouterr().out)


def test_tests_of_a_folder_are_tried(folder, capsys):
    shown = outcome_of(folder, capsys=capsys)
    assert [(each["test"], each["passed"]) for each in shown["tests"]] == [("bash", True), ("a library", True)]
    assert shown["rules_without_tests"] == 0


def test_a_file_of_tests_alone_finds_the_rules_beside_it(folder, capsys):
    assert commands.run(["test", str(folder / "shells.tests.yaml")]) == 0
    assert capsys.readouterr().out == "2 tests, 0 failed\n"


def test_rule_files_are_loaded_without_their_tests(folder, capsys):
    assert commands.run(["check", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("1 file, 1 rule compiled, 0 errors, 0 warnings")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("proc.name: bash", "proc.name: zsh", "look at the part about proc.name (here 'zsh')"),
        ("match: false", "match: true", "wants the rule to hold"),
        ("by bob", "by alice", "but the rule prints 'shell bash by bob'"),
        ("proc.name: ld", "proc.nam: ld", "did you mean 'proc.name'?"),
        ("rule: Shell", "rule: Shel", "did you mean 'Shell'?"),
        ("match: false", "matches: false", "did you mean 'match'?"),
        ("match: false", "match: maybe", "must be true or false"),
        ("event: {evt.type: execve, proc.name: ld}", "event: 1", "needs 'event'"),
    ],
)
def test_what_fails_is_told_with_its_place(folder, capsys, old, new, told):
    (folder / "shells.tests.yaml").write_text(GOOD.replace(old, new))
    assert commands.run(["test", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert told in shown
    assert f"{folder}/shells.tests.yaml:" in shown


def test_a_rule_that_does_not_compile_fails_its_tests(folder, capsys):
    (folder / "shells.yaml").write_text(RULES.replace("evt.type", "evt.tipe"))
    assert commands.run(["test", str(folder)]) == 1
    assert "unknown field evt.tipe" in capsys.readouterr().out


def test_without_any_test_nothing_was_tested(tmp_path, capsys):
    (tmp_path / "shells.yaml").write_text(RULES)
    assert commands.run(["test", str(tmp_path)]) == 1
    assert "no tests found" in capsys.readouterr().out


def test_values_are_what_yaml_12_says_they_are(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(
        rule("A", "evt.type = open and proc.name = yes and fd.num = 3 and user.name = '7'")
    )
    (tmp_path / "a.tests.yaml").write_text(
        "- {test: t, rule: A, event: {evt.type: open, proc.name: yes, fd.num: 3, user.name: '7'}}"
    )
    assert commands.run(["test", str(tmp_path)]) == 0, capsys.readouterr().out


def test_tests_of_manifests_are_tried(tmp_path, capsys):
    (tmp_path / "rule.yaml").write_text(MANIFEST.replace("WHAT", "ls"))
    shown = outcome_of(tmp_path, capsys=capsys)
    assert [(each["rule"], each["test"], each["passed"]) for each in shown["tests"]] == [
        ("falconrule/team/shell", "bash", True),
        ("falconrule/team/shell", "other", True),
    ]


def test_failing_tests_of_manifests_are_told(tmp_path, capsys):
    (tmp_path / "rule.yaml").write_text(MANIFEST.replace("WHAT", "bash"))
    assert commands.run(["test", str(tmp_path)]) == 1
    assert "falconrule/team/shell: spec.tests[1]" in capsys.readouterr().out

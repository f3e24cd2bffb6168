"""`falcon-rules diff`: which rules mean something else."""

from __future__ import annotations

import json

import pytest
from tests.rules.support.texts import rule

from falcon_rules.cli import commands

MACRO = "- macro: starting\n  condition: evt.type in (execve, execveat)\n"
LIST = "- list: shells\n  items: [bash, sh]\n"
SHELL = rule("Shell", "starting and proc.name in (shells)", "tags: [a, b]", output="shell %proc.name")
OTHER = rule("Other", "starting and proc.name = nc and user.uid = 0")


@pytest.fixture
def compare(tmp_path, capsys):
    def run(old: str, new: str):
        for name, text in (("old.yaml", old), ("new.yaml", new)):
            (tmp_path / name).write_text(text)
        code = commands.run(["diff", "--json", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")])
        changes = json.loads(capsys.readouterr().out)
        return code, {each["rule"]: (each["what"], sorted(each["parts"])) for each in changes}

    return run


BASE = MACRO + LIST + SHELL + OTHER


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("starting and proc.name = nc and user.uid = 0", "user.uid = 0 and starting and proc.name in (nc)"),
        ("[bash, sh]", "[sh, bash]"),
        ("starting", "a_start"),
        ("desc: d", "desc: another text"),
        ("tags: [a, b]", "tags: [b, a]"),
        ("in (execve, execveat)", "in (execveat, execve)"),
    ],
)
def test_what_means_the_same_is_no_difference(compare, old, new):
    assert compare(BASE, BASE.replace(old, new)) == (0, {})


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("[bash, sh]", "[bash]", {"Shell": ["condition"]}),
        ("in (execve, execveat)", "in (execve)", {"Shell": ["condition", "events"], "Other": ["condition", "events"]}),
        ("shell %proc.name", "a shell %proc.name", {"Shell": ["output"]}),
        ("tags: [a, b]", "tags: [a]", {"Shell": ["tags"]}),
        ("user.uid = 0", "user.uid = 1", {"Other": ["condition"]}),
        ("tags: [a, b]", "enabled: false\n  tags: [a, b]", {"Shell": ["enabled"]}),
        ("WARNING", "ERROR", {"Shell": ["priority"], "Other": ["priority"]}),
    ],
)
def test_rules_whose_meaning_changes_are_told_with_what_changed(compare, old, new, rules):
    expected = {name: ("changed", parts) for name, parts in rules.items()}
    assert compare(BASE, BASE.replace(old, new)) == (1, expected)


def test_rules_that_come_and_go_are_told(compare):
    assert compare(MACRO + LIST + SHELL, MACRO + OTHER) == (1, {"Other": ("added", []), "Shell": ("removed", [])})


def test_another_order_is_told_because_the_first_rule_that_holds_may_be_the_only_one(compare):
    code, changes = compare(BASE, MACRO + LIST + OTHER + SHELL)
    assert code == 1
    assert [what for what, _ in changes.values()] == ["moved"]


def test_the_text_shows_the_lines_of_the_condition_that_differ(tmp_path, capsys):
    names = ["cat", "dd", "tee", "cp"]
    condition = " or ".join(f"(proc.name = {name} and fd.name startswith /etc/{name}/)" for name in names)
    for file, text in (("a.yaml", condition), ("b.yaml", condition.replace("/etc/tee/", "/srv/tee/"))):
        (tmp_path / file).write_text(rule("R", f"evt.type = open and ({text})"))
    assert commands.run(["diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 1
    shown = capsys.readouterr().out
    assert "~ R: changed" in shown
    assert "      -   or (proc.name = tee and fd.name startswith /etc/tee/)\n" in shown
    assert "      +   or (proc.name = tee and fd.name startswith /srv/tee/)\n" in shown
    assert "/etc/cat/" not in shown
    assert shown.endswith("1 rules, 1 changed\n")


def test_rules_with_errors_are_trouble(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(rule("R", "evt.type = open"))
    (tmp_path / "b.yaml").write_text(rule("R", "evt.tipe = open"))
    assert commands.run(["diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 2
    assert "unknown field evt.tipe" in capsys.readouterr().err

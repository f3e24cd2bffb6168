"""What every default rule owes its readers, whatever it detects."""

from __future__ import annotations

import re

import pytest
import yaml
from tests.e2e.support import sensor

FILES = sorted(sensor.DEFAULT_RULES.glob("*.yaml"))
RULES = [item for path in FILES for item in yaml.load(path.read_text(), Loader=yaml.BaseLoader) if "rule" in item]

WHO = ("user.name", "user.uid", "proc.name", "proc.pname", "proc.cmdline", "proc.exepath", "proc.tty", "container.id")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["rule"])
def test_rule_says_who_did_it_and_how_to_tune_it(rule):
    fields = set(re.findall(r"%([a-z0-9_.]+)", rule["output"]))
    assert set(WHO) - fields == set()
    if re.search(r"file_(read|written|emptied)|tcp_connection|evt\.type = connect|open", rule["condition"]):
        assert "fd.name" in fields, "what was opened or connected to"
    assert rule["desc"].strip().endswith(".")
    assert rule["exceptions"], "users need a place to put what is usual for them"
    assert any(tag.startswith("mitre_") for tag in rule["tags"])
    assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in rule["tags"])
    assert {"host", "container"} & set(rule["tags"])


def test_names_are_unique_and_priorities_are_meant():
    names = [rule["rule"] for rule in RULES]
    assert len(names) == len(set(names))
    # What wakes somebody up at night must be rare.
    assert sum(rule["priority"] in ("EMERGENCY", "ALERT") for rule in RULES) == 0


def test_page_about_the_rules_lists_each_of_them_in_order():
    page = (sensor.ROOT / "docs" / "rules.md").read_text()
    listed = re.findall(r"^\| \*\*(.+?)\*\*", page, re.MULTILINE)
    assert listed == [rule["rule"] for rule in RULES]
    for rule in RULES:
        row = next(line for line in page.splitlines() if line.startswith(f"| **{rule['rule']}**"))
        assert rule["priority"].capitalize() in row
        assert ("off" in row.split("|")[2]) is (rule.get("enabled") == "false")


def test_words_of_the_vocabulary_do_not_hide_in_other_words():
    """A list's name is replaced wherever it stands alone, also where a plain word was meant."""
    items = [item for path in FILES for item in yaml.load(path.read_text(), Loader=yaml.BaseLoader)]
    lists = [item["list"] for item in items if "list" in item]
    assert all("_" in name for name in lists)

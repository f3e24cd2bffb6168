"""docs/metrics.md has every metric with its type, labels and meaning, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.sensor.api.support import metric_rows

from falcon_sensor.app import labels

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()


def written(prefix: str) -> list[str]:
    return sorted(re.findall(rf"^\| `{prefix}.*$", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    ("prefix", "rows"),
    [("falcon_(?:sensor|rule)_", metric_rows.sensor), ("falcon_operator_", metric_rows.of_operator)],
    ids=["sensor", "operator"],
)
def test_the_page_says_what_the_code_exports(prefix, rows):
    """Mend with what `python -m tests.sensor.api.support.metric_rows` prints."""
    assert written(prefix) == rows()


def test_the_page_says_how_many_rules_have_labels_of_their_own():
    assert f"first {labels.MOST:,} rules" in PAGE
    assert f'rule="{labels.OTHERS}"' in PAGE


def test_rules_beyond_the_bound_are_summed_up_and_no_series_ends():
    names = labels.Labels()
    first = {f"r{number}": 1 for number in range(labels.MOST)}
    names.admit([first], first)
    assert names.shown(first) == first
    later = {**first, "new": 5, "newer": 7, "silent": 0}
    names.admit([later], later)
    assert names.shown(later) == {**first, labels.OTHERS: 12}


def test_a_rule_that_counts_nothing_yet_is_shown_while_there_is_room():
    names = labels.Labels()
    names.admit([{"a": 0}], ["a"])
    assert names.shown({"a": 0}) == {"a": 0}

"""What sets of rules counted that are gone stays in the sums, without a name for each rule there ever was."""

from __future__ import annotations

from falcon_sensor.app import labels, working


def test_rules_that_are_gone_are_summed_up_once_there_are_many():
    sums = working.Sums()
    sums.matches.update({f"r{number}": 2 for number in range(labels.MOST + 500)})
    sums.forget({"r7"})
    assert sums.matches.total() == 2 * (labels.MOST + 500)
    assert len(sums.matches) <= labels.MOST + 2
    assert (sums.matches["r7"], sums.matches[labels.OTHERS]) == (2, 2 * 499)


def test_few_rules_that_are_gone_keep_their_names():
    sums = working.Sums()
    sums.errors.update(old=3, new=1)
    sums.forget({"new"})
    assert sums.errors == {"old": 3, "new": 1}

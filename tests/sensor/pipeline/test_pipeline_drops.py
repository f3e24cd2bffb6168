"""Drops are counted every second they happen and acted upon as often as settings allow."""

from __future__ import annotations

from falcon_rules import bundle
from falcon_sensor.pipeline import drops
from falcon_sensor.settings import model


def checks(settings: model.EventDrops, *counters: tuple[int, int]):
    """A monitor fed (seen, dropped) once a second, and what it said each time."""
    monitor = drops.Monitor(settings)
    return monitor, [
        monitor.check(drops.Counters(seen, dropped), float(second)) for second, (seen, dropped) in enumerate(counters)
    ]


def test_no_drops_no_action():
    monitor, due = checks(model.EventDrops(), (10, 0), (20, 0))
    assert due == [None, None]
    assert (monitor.occurrences, monitor.actions_taken) == (0, 0)


def test_a_single_lost_event_is_acted_upon_by_default():
    monitor, due = checks(model.EventDrops(), (1000, 0), (2000, 1))
    assert due == [None, drops.Due(dropped=1, seen=1000)]
    assert (monitor.occurrences, monitor.actions_taken) == (1, 1)


def test_every_second_counts_but_actions_are_limited():
    monitor, due = checks(model.EventDrops(rate=0.25, max_burst=2), *[(second, second + 1) for second in range(7)])
    # two at once, then a quarter of a token each second: full again four seconds later
    assert [each is not None for each in due] == [True, True, False, False, True, False, False]
    assert (monitor.occurrences, monitor.actions_taken) == (7, 3)


def test_a_share_below_the_threshold_is_no_occurrence():
    settings = model.EventDrops(threshold=0.1)
    monitor, due = checks(settings, (90, 10), (90 + 89, 10 + 11))
    assert due == [None, drops.Due(dropped=11, seen=89)]
    assert monitor.occurrences == 1


def test_ignoring_takes_no_action_but_counts():
    monitor, due = checks(model.EventDrops(actions=("ignore",)), (0, 5))
    assert due == [None]
    assert (monitor.occurrences, monitor.actions_taken) == (1, 0)


def test_counters_that_start_anew_are_no_drops():
    _, due = checks(model.EventDrops(actions=("ignore",)), (100, 0), (5, 0))
    assert due == [None, None]


def test_the_alert_has_the_numbers_and_the_static_fields():
    alert = drops.Due(dropped=3, seen=7).alert("node-1", 5, {"environment": "production"})
    assert alert.rule == "Falcon internal: syscall event drop"
    assert alert.source == "internal"
    assert alert.priority is bundle.Priority.WARNING
    assert "3 of 10 events were lost" in alert.output
    assert alert.fields == {"evt.time": 5, "n_drops": 3, "n_evts": 7, "environment": "production"}


def test_the_alert_says_what_was_lost():
    watch = drops.Monitor(model.EventDrops())
    watch.check(drops.Counters(10, 1, {"open": 1, "exec": 0}), 0.0)
    due = watch.check(drops.Counters(20, 126, {"open": 4, "exec": 122}), 60.0)
    assert due is not None
    assert due.text.endswith(
        "125 of 135 events were lost in the last second, because the ring buffer was full: exec 122, open 3"
    )
    assert due.alert("h", 1, {}).fields["falcon.drops"] == "exec 122, open 3"


def test_what_was_lost_between_two_alerts_is_told_with_the_second():
    _, due = checks(model.EventDrops(rate=0.25), *[(second, 10 * (second + 1)) for second in range(5)])
    assert [each.untold for each in due if each is not None] == [0, 30]
    assert due[4] is not None
    assert due[4].text.endswith("; 30 more since this was last told")

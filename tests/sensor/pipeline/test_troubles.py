"""Troubles are told when they begin, seldom while they last, and when they are over."""

from __future__ import annotations

import pytest

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.pipeline import troubles

BLIND = "Falcon internal: sensor is blind"


class Told:
    def __init__(self):
        self.alerts: list[alerts.Alert] = []
        self.troubles = troubles.Troubles(self.alerts.append, "host", {"environment": "test"})

    def blind(self, now, text="Nothing comes."):
        self.troubles.report("blind", troubles.Kind.BLIND, text, now, why="x")

    def over(self, now):
        self.troubles.clear("blind", "It is over.", now)

    def texts(self):
        found = [alert.output for alert in self.alerts]
        self.alerts.clear()
        return found


@pytest.fixture
def told():
    return Told()


def test_a_trouble_is_an_internal_alert_with_the_static_fields(told):
    told.blind(100.0)
    (alert,) = told.alerts
    assert (alert.rule, alert.source, alert.hostname) == (BLIND, "internal", "host")
    assert alert.priority is bundle.Priority.CRITICAL
    assert alert.fields == {"environment": "test", "why": "x", "evt.time": alert.time}
    assert told.troubles.active() == ("blind",)


def test_what_lasts_is_told_again_only_after_the_reminders_time(told):
    for second in range(1300):
        told.blind(100.0 + second)
    assert told.texts() == [
        f"{BLIND}. Nothing comes.",
        f"{BLIND}. Nothing comes. It has been so for 600 s.",
        f"{BLIND}. Nothing comes. It has been so for 1200 s.",
    ]


def test_the_end_is_told_with_how_long_it_was_and_only_once(told):
    told.blind(100.0)
    told.over(130.0)
    told.over(131.0)
    assert told.texts() == [f"{BLIND}. Nothing comes.", f"{BLIND}. It is over. It was so for 30 s."]
    assert (told.troubles.active(), told.troubles.seconds) == ((), {"blind": 30.0})


def test_what_was_never_wrong_is_not_over(told):
    told.over(5.0)
    assert told.texts() == []


def test_what_comes_and_goes_is_no_flood(told):
    for second in range(20):
        told.blind(100.0 + second)
        told.over(100.5 + second)
    texts = told.texts()
    assert len(texts) == 4
    assert texts[2] == f"{BLIND}. Nothing comes. 9 times more in between."


def test_what_comes_back_and_stays_is_told_after_the_pause(told):
    told.blind(100.0)
    told.over(101.0)
    told.texts()
    for second in range(2, 30):
        told.blind(100.0 + second)
    assert told.texts() == [f"{BLIND}. Nothing comes. It has been so for 8 s. 1 times more in between."]


def test_different_troubles_do_not_hide_each_other(told):
    told.blind(100.0)
    told.troubles.report("output:file", troubles.Kind.DEAD_OUTPUT, "Dead.", 100.0)
    told.troubles.tell(troubles.Kind.PAUSED, "Paused.", 7.0)
    assert [text.split(". ")[0] for text in told.texts()] == [
        BLIND,
        "Falcon internal: output is dead",
        "Falcon internal: sensor was paused",
    ]
    assert told.troubles.seconds["paused"] == 7.0
    assert told.troubles.told[BLIND] == 1

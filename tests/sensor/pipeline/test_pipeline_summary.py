"""The summary at the end keeps Falco's shape, which scripts read."""

from __future__ import annotations

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.pipeline import tally


def alert(rule: str, priority: bundle.Priority) -> alerts.Alert:
    return alerts.Alert("u", 0, rule, priority, "syscall", "h", (), "text")


def test_counts_stand_by_severity_and_by_rule():
    counted = tally.Tally()
    for _ in range(3):
        counted.count(alert("Terminal shell in container", bundle.Priority.NOTICE))
    counted.count(alert("Read sensitive file", bundle.Priority.WARNING))
    for _ in range(2):
        counted.count(alert("Contact K8S API Server", bundle.Priority.NOTICE))
    assert tally.summary(counted, drops=2, actions=1) == (
        "Events detected: 6\n"
        "Rule counts by severity:\n"
        "    WARNING: 1\n"
        "    NOTICE: 5\n"
        "Triggered rules by rule name:\n"
        "    Contact K8S API Server: 2\n"
        "    Read sensitive file: 1\n"
        "    Terminal shell in container: 3\n"
        "Syscall event drop monitoring:\n"
        "    - event drop detected: 2 occurrences\n"
        "    - num times actions taken: 1\n"
    )


def test_nothing_detected_leaves_the_headings():
    assert tally.summary(tally.Tally(), drops=0, actions=0) == (
        "Events detected: 0\n"
        "Rule counts by severity:\n"
        "Triggered rules by rule name:\n"
        "Syscall event drop monitoring:\n"
        "    - event drop detected: 0 occurrences\n"
        "    - num times actions taken: 0\n"
    )

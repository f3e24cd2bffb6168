"""What has been detected so far, and the summary of it that a run ends with.

The summary's shape is Falco's, since scripts read it.
"""

from __future__ import annotations

from collections import Counter

from falcon_rules import bundle
from falcon_sensor import alerts


class Tally:
    """Written by the consumer's thread alone. Others may read it at any time, and rely on it once that has ended."""

    def __init__(self) -> None:
        self.alerts = 0
        self.by_priority: Counter[int] = Counter()
        self.by_rule: Counter[str] = Counter()
        self.by_both: Counter[tuple[str, int]] = Counter()

    def count(self, alert: alerts.Alert) -> None:
        self.alerts += 1
        self.by_priority[alert.priority] += 1
        self.by_rule[alert.rule] += 1
        self.by_both[alert.rule, alert.priority] += 1


def summary(tally: Tally, drops: int, actions: int) -> str:
    """The text printed at the end.

    drops: how often a second's events were not all seen. actions: how often that was acted upon.
    """
    lines = [f"Events detected: {tally.alerts}", "Rule counts by severity:"]
    lines += [
        f"    {priority.name}: {tally.by_priority[priority]}"
        for priority in bundle.Priority
        if tally.by_priority[priority]
    ]
    lines.append("Triggered rules by rule name:")
    # Sorted, so that two runs can be compared.
    lines += [f"    {rule}: {count}" for rule, count in sorted(tally.by_rule.items())]
    lines += [
        "Syscall event drop monitoring:",
        f"    - event drop detected: {drops} occurrences",
        f"    - num times actions taken: {actions}",
    ]
    return "\n".join(lines) + "\n"

"""Alerts to send."""

from __future__ import annotations

from typing import Any

from falcon_rules import bundle
from falcon_sensor import alerts


def alert(number: int = 1, **changes: Any) -> alerts.Alert:
    """number: makes its uuid, so that tests can tell alerts apart."""
    values: dict[str, Any] = {
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "time": 1_700_000_000_000_000_000 + number,
        "rule": "Terminal shell in container",
        "priority": bundle.Priority.NOTICE,
        "source": "syscall",
        "hostname": "node-1",
        "tags": ("shell",),
        "output": f"A shell was spawned (number={number})",
        "fields": {"proc.name": "bash"},
    }
    return alerts.Alert(**{**values, **changes})


def number(shown: dict[str, Any]) -> int:
    """Of an alert's JSON."""
    return int(shown["uuid"][-12:])

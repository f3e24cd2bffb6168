"""Alerts for tests: small, and with members that a test wants to see again."""

from __future__ import annotations

import uuid
from typing import Any

from falcon_hub import alerts
from falcon_rules import bundle

BEGIN = 1_700_000_000_000_000_000
"""A moment, ns since the epoch."""
SECOND = 1_000_000_000


def alert(number: int = 0, **members: Any) -> alerts.Alert:
    """number: seconds after BEGIN, and its uuid's last digits."""
    given: dict[str, Any] = {
        "uuid": str(uuid.UUID(int=number + 1)),
        "time_ns": BEGIN + number * SECOND,
        "rule": "Read a secret",
        "priority": bundle.Priority.WARNING,
        "source": "syscall",
        "hostname": "node-1",
        "tags": ("files", "network"),
        "output": f"read /etc/shadow (number={number})",
        "fields": {"fd.name": "/etc/shadow", "proc.pid": number},
    }
    return alerts.Alert(**(given | members))


def in_pod(number: int, namespace: str, pod: str, image: str = "docker.io/nginx", **members: Any) -> alerts.Alert:
    fields = {
        "k8s.ns.name": namespace,
        "k8s.pod.name": pod,
        "container.name": "main",
        "container.image.repository": image,
    }
    return alert(number, fields=fields | members.pop("fields", {}), **members)

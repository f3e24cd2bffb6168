"""What the sensor and the process that serves gRPC say to each other: a JSON value a line, over a socket pair.

    sensor -> server   first {"address", "key", "cert", "roots", "calls", "capacity", "version", "alerts"}
                       then an alert a line, as `plain` makes it
                       in the end null: nothing follows, let subscribers have what waits for them
    server -> sensor   `Status` as an object, whenever it has changed, and last before the server ends

Both ends are ours, of one release. What it says in `trouble` is for people; empty: it listens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from falcon_sensor import alerts


@dataclass(frozen=True, slots=True)
class Setup:
    """key, cert, roots: files; used when `address` is no `unix:` one. calls: at once. alerts: serve them too."""

    address: str
    key: str
    cert: str
    roots: str
    calls: int
    capacity: int
    version: str
    alerts: bool


@dataclass(frozen=True, slots=True)
class Status:
    """clients: subscribers now. settled: alerts read by somebody or dropped. Others are sums, see `fanout.Counters`."""

    trouble: str = ""
    clients: int = 0
    calls: int = 0
    settled: int = 0
    sent: int = 0
    too_many: int = 0
    slow: int = 0

    @classmethod
    def read(cls, line: bytes) -> Self:
        return cls(**json.loads(line))


def line(value: Setup | Status | Mapping[str, Any] | None) -> bytes:
    plainly = asdict(value) if isinstance(value, Setup | Status) else value
    return json.dumps(plainly, separators=(",", ":"), default=str).encode() + b"\n"


def plain(alert: alerts.Alert, output: str) -> dict[str, Any]:
    """output: its text line."""
    return {
        "time": alert.time,
        "priority": int(alert.priority),
        "rule": alert.rule,
        "output": output,
        "fields": dict(alert.fields),
        "hostname": alert.hostname,
        "tags": sorted(alert.tags),
        "source": alert.source,
    }

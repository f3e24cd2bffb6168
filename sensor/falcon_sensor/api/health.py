"""How the sensor is, as it tells the agent: the one shape behind `/livez`, `/readyz`, `/metrics` and `/v1/status`.

It travels as JSON between the two processes, so it is plain data; `Health` says what is in it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Output:
    """queue: alerts that wait now. Others are sums. own: what this kind of output tells beyond that, see
    `outputs.base.Measured`."""

    name: str
    queue: int
    delivered: int
    lost: int
    own: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """Sums are since the start of the sensor, over all bundles.

    attached: probes are at work. consuming: the consumer's thread lives. idle: seconds since the main thread was
    last seen. alerts: (rule, priority, count). matches, suppressed, rule_errors: by rule name. records, drops:
    by kind. left_out: programs the kernel did not run. ring_used, ring_size: bytes. last_event: unix
    seconds of the last record read, 0 for none. foreign, unknown, held: see `pipeline.ownership`.
    rules: in force. pods: of this node. rss: of the sensor's own process, bytes.
    """

    attached: bool = False
    consuming: bool = False
    idle: float = 0.0
    alerts: tuple[tuple[str, str, int], ...] = ()
    matches: dict[str, int] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    rule_errors: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    failures: int = 0
    ring_used: int = 0
    ring_size: int = 0
    last_event: float = 0.0
    foreign: int = 0
    unknown: int = 0
    held: int = 0
    outputs: tuple[Output, ...] = ()
    rules: int = 0
    processes: int = 0
    pods: int = 0
    rss: int = 0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """What `plain` was made from."""
        outputs = tuple(Output(**each) for each in plain["outputs"])
        rows = tuple((rule, priority, count) for rule, priority, count in plain["alerts"])
        return cls(**{**plain, "outputs": outputs, "alerts": rows})

    @property
    def dropped(self) -> int:
        """Events that nobody saw."""
        return sum(self.drops.values()) + self.left_out


STUCK_SECONDS = 120.0
"""The main thread waits for the loader for a minute at most, and may try several times when a rule is at fault."""


def is_alive(found: Health) -> bool:
    return found.idle < STUCK_SECONDS and found.consuming


def is_ready(found: Health, digest: str) -> bool:
    """Some bundle is in force, and its probes are at work unless it has no rules."""
    return bool(digest) and is_alive(found) and (found.attached or found.rules == 0)

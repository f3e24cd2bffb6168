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

    attached: probes are at work. backend: theirs, empty for none. consuming: the consumer's thread lives.
    idle: seconds since the main thread was last seen. alerts: (rule, priority, count). matches, suppressed,
    rule_errors, rule_seconds: by rule name. seen,
    records, drops: by kind. hooks: by hook how often its program ran and the seconds it took, while that is measured.
    left_out: programs the kernel did not run. ring_used, ring_size: bytes. last_event: unix
    seconds of the last record read, 0 for none. foreign, unknown, held: see `pipeline.ownership`.
    rules: in force. pods: of this node. rss: of the sensor's own process, bytes. blind: why it is not known that the
    sensor sees, empty when it does. troubles: keys of what is wrong with the sensor now. internal_alerts: by rule name.
    trouble_seconds: by kind, of those that are over. canaries, latency: the sensor's own acts that came back, and
    seconds that the last one took.
    """

    attached: bool = False
    backend: str = ""
    consuming: bool = False
    idle: float = 0.0
    alerts: tuple[tuple[str, str, int], ...] = ()
    matches: dict[str, int] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    rule_errors: dict[str, int] = field(default_factory=dict)
    rule_seconds: dict[str, float] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    hooks: dict[str, tuple[int, float]] = field(default_factory=dict)
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
    blind: str = ""
    troubles: tuple[str, ...] = ()
    internal_alerts: dict[str, int] = field(default_factory=dict)
    trouble_seconds: dict[str, float] = field(default_factory=dict)
    canaries: int = 0
    latency: float = 0.0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """What `plain` was made from."""
        outputs = tuple(Output(**each) for each in plain["outputs"])
        rows = tuple((rule, priority, count) for rule, priority, count in plain["alerts"])
        hooks = {name: (count, seconds) for name, (count, seconds) in plain["hooks"].items()}
        return cls(**{**plain, "outputs": outputs, "alerts": rows, "hooks": hooks})

    @property
    def dropped(self) -> int:
        """Events that nobody saw."""
        return sum(self.drops.values()) + self.left_out


STUCK_SECONDS = 120.0
"""The main thread waits for the loader for a minute at most, and may try several times when a rule is at fault."""


def is_alive(found: Health) -> bool:
    return found.idle < STUCK_SECONDS and found.consuming


def is_ready(found: Health, digest: str) -> bool:
    """Some bundle is in force, its probes are at work unless it has no rules, and the sensor sees its own acts."""
    return bool(digest) and is_alive(found) and (found.attached or found.rules == 0) and not found.blind

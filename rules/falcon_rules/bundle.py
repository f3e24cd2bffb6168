"""What travels from whoever compiles rules to the sensors that run them.

A bundle is complete: a sensor needs nothing else to detect. `wire` turns it into canonical
bytes (same rules, same bytes) whose SHA-256 is its identity, and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from falcon_rules import typed

FORMAT_VERSION = 1
"""Raised when a sensor of the version before could misread a bundle; it then refuses politely."""


class Priority(IntEnum):
    """Falco's eight, syslog's numbers: smaller is more urgent."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    @property
    def label(self) -> str:
        """As alerts print it: ``Warning``."""
        return self.name.capitalize()


class Mode(StrEnum):
    """Shadow rules are evaluated and counted but never alert."""

    ACTIVE = "Active"
    SHADOW = "Shadow"


@dataclass(frozen=True, slots=True)
class Output:
    """An output text cut into literal pieces and the fields between them, see `falcon_rules.output`."""

    pieces: tuple[str | Placeholder, ...]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`text` is the field as written (the key in `output_fields`); `width` pads or cuts (`%8proc.name`)."""

    text: str
    operand: typed.FieldRef | typed.Transform
    width: int | None = None


class LimitKey(StrEnum):
    """Whose alerts a rate limit counts together."""

    CONTAINER = "Container"
    """those of one rule about one container (the host is one)"""
    RULE = "Rule"
    """all of one rule"""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `alerts` per `per_seconds` for each `key`; counted after evaluation."""

    alerts: int
    per_seconds: float
    key: LimitKey = LimitKey.CONTAINER


@dataclass(frozen=True, slots=True)
class Scope:
    """Which containers a rule may see. The default sees everything.

    namespace: only pods of this namespace (what a namespaced FalconRule gets; never host processes).
    pod_labels: pods that carry all of these. container_names, images: globs, any of them.
    host: whether host processes are seen (cluster-wide rules only).
    """

    namespace: str | None = None
    pod_labels: tuple[tuple[str, str], ...] = ()
    container_names: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    host: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.

    uid: unique in the bundle ("cluster/NAME", "NAMESPACE/NAME", "set:SET/RULE", or the name for rules from files).
    event_types: sorted names the condition can hold for; None means any.
    """

    uid: str
    name: str
    priority: Priority
    condition: typed.Condition
    output: Output
    event_types: tuple[str, ...] | None
    source: str = "syscall"
    description: str = ""
    tags: tuple[str, ...] = ()
    mode: Mode = Mode.ACTIVE
    scope: Scope = field(default_factory=Scope)
    rate_limit: RateLimit | None = None
    extra_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rules in the order they are tried. `revision` only grows; a sensor refuses an older one."""

    rules: tuple[Rule, ...]
    revision: int = 0

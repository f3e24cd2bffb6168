"""What people want to see of an alert first, for receivers that show names and values (Slack, Teams, Discord, mail)."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from falcon_hub.sinks import base
from falcon_rules import times

Shown: TypeAlias = Literal["key", "all", "none"]

_KEY: Final = (
    ("k8s.ns.name", "Namespace"),
    ("k8s.pod.name", "Pod"),
    ("container.name", "Container"),
    ("container.image.repository", "Image"),
    ("user.name", "User"),
    ("proc.cmdline", "Command"),
    ("fd.name", "File"),
)


def of(message: base.Message, shown: Shown) -> list[tuple[str, str]]:
    """Names and unescaped values. key: the few that say what and where; all: every field besides; none: nothing."""
    if shown == "none":
        return []
    alert = message.alert
    found = [("Priority", alert.priority.label), ("Time", times.rfc3339(alert.time_ns))]
    found += [("Host", alert.hostname)] if alert.hostname else []
    if shown == "key":
        found += [(title, value(alert.fields[name])) for name, title in _KEY if _known(alert.fields.get(name))]
    else:
        found += [(name, value(alert.fields[name])) for name in sorted(alert.fields)]
    if alert.tags:
        found.append(("Tags", ", ".join(alert.tags)))
    return found


def value(given: Any) -> str:
    """A field's value as text."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | tuple):
        return ", ".join(map(value, given))
    return "" if given is None else str(given)


def _known(given: Any) -> bool:
    return given not in (None, "", "<NA>", "<N/A>")

"""One rule of a bundle: its members in JSON and back."""

from __future__ import annotations

import contextlib
import math
from enum import IntEnum, StrEnum
from typing import Any, Final, TypeVar

from falcon_rules import bundle
from falcon_rules.wire import nodes, shapes
from falcon_rules.wire.shapes import WireError

_E = TypeVar("_E", bound=IntEnum | StrEnum)

_MEMBERS: Final = (
    "uid",
    "name",
    "priority",
    "condition",
    "output",
    "event_types",
    "source",
    "description",
    "tags",
    "mode",
    "scope",
    "rate_limit",
    "extra_fields",
)
_SCOPE: Final = ("namespace", "pod_labels", "container_names", "images", "host")


def write(rule: bundle.Rule, writer: nodes.Writer) -> dict[str, Any]:
    return {
        "uid": rule.uid,
        "name": rule.name,
        "priority": int(rule.priority),
        "condition": writer.condition(rule.condition),
        "output": [_written_piece(piece, writer) for piece in rule.output.pieces],
        "event_types": None if rule.event_types is None else list(rule.event_types),
        "source": rule.source,
        "description": rule.description,
        "tags": list(rule.tags),
        "mode": str(rule.mode),
        "scope": {
            "namespace": rule.scope.namespace,
            "pod_labels": [list(pair) for pair in rule.scope.pod_labels],
            "container_names": list(rule.scope.container_names),
            "images": list(rule.scope.images),
            "host": rule.scope.host,
        },
        "rate_limit": _written_limit(rule.rate_limit),
        "extra_fields": [list(pair) for pair in rule.extra_fields],
    }


def read(value: Any, reader: nodes.Reader, where: str) -> bundle.Rule:
    """Raises WireError."""
    entry = shapes.members(value, where, _MEMBERS)
    return bundle.Rule(
        uid=shapes.text(entry["uid"], f"{where}.uid"),
        name=shapes.text(entry["name"], f"{where}.name"),
        priority=_member(bundle.Priority, entry["priority"], f"{where}.priority"),
        condition=reader.condition(entry["condition"], f"{where}.condition"),
        output=_output(entry["output"], reader, f"{where}.output"),
        event_types=None if entry["event_types"] is None else _texts(entry["event_types"], f"{where}.event_types"),
        source=shapes.text(entry["source"], f"{where}.source"),
        description=shapes.text(entry["description"], f"{where}.description"),
        tags=_texts(entry["tags"], f"{where}.tags"),
        mode=_member(bundle.Mode, entry["mode"], f"{where}.mode"),
        scope=_scope(entry["scope"], f"{where}.scope"),
        rate_limit=_rate_limit(entry["rate_limit"], f"{where}.rate_limit"),
        extra_fields=_pairs(entry["extra_fields"], f"{where}.extra_fields"),
    )


def _written_piece(piece: str | bundle.Placeholder, writer: nodes.Writer) -> Any:
    return piece if isinstance(piece, str) else [piece.text, writer.operand(piece.operand), piece.width]


def _written_limit(limit: bundle.RateLimit | None) -> list[float | str] | None:
    return None if limit is None else [limit.alerts, float(limit.per_seconds), str(limit.key)]


def _output(value: Any, reader: nodes.Reader, where: str) -> bundle.Output:
    pieces: list[str | bundle.Placeholder] = []
    for piece in shapes.items(value, where):
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        text, number, width = shapes.items(piece, where, 3)
        if width is not None and shapes.whole(width, where) < 0:
            raise WireError(f"{where}: a width cannot be negative")
        pieces.append(bundle.Placeholder(shapes.text(text, where), reader.operand(number, where), width))
    return bundle.Output(tuple(pieces))


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(shapes.text(item, where) for item in shapes.items(value, where))


def _pairs(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for pair in shapes.items(value, where):
        first, second = shapes.items(pair, where, 2)
        pairs.append((shapes.text(first, where), shapes.text(second, where)))
    return tuple(pairs)


def _scope(value: Any, where: str) -> bundle.Scope:
    entry = shapes.members(value, where, _SCOPE)
    return bundle.Scope(
        namespace=shapes.optional_text(entry["namespace"], where),
        pod_labels=_pairs(entry["pod_labels"], where),
        container_names=_texts(entry["container_names"], where),
        images=_texts(entry["images"], where),
        host=shapes.flag(entry["host"], where),
    )


def _rate_limit(value: Any, where: str) -> bundle.RateLimit | None:
    if value is None:
        return None
    alerts, seconds, key = shapes.items(value, where, 3)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise WireError(f"{where}: a number of seconds is expected")
    return bundle.RateLimit(shapes.whole(alerts, where), float(seconds), _member(bundle.LimitKey, key, where))


def _member(kind: type[_E], value: Any, where: str) -> _E:
    # By exact type: true and 1.0 equal a priority's number but are none.
    if type(value) in (int, str):
        with contextlib.suppress(ValueError):
            return kind(value)
    raise WireError(f"{where}: {value} is unknown")

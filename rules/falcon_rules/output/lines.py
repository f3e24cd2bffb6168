"""An alert as Falco writes it: the text line and the JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from falcon_rules import bundle, times


@dataclass(frozen=True, slots=True)
class Options:
    """What alerts show. iso: the line starts with date and time in UTC instead of the local time of day."""

    iso: bool = False
    include_output: bool = True
    include_message: bool = False
    include_output_fields: bool = True
    include_tags: bool = True


DEFAULTS = Options()


def line(time_ns: int, priority: bundle.Priority, message: str, options: Options = DEFAULTS) -> str:
    """``22:13:20.123456789: Warning MESSAGE``, without line end, not escaped."""
    shown = times.iso(time_ns) if options.iso else times.clock(time_ns)
    return f"{shown}: {priority.label} {message}"


def escaped(text: str) -> str:
    """A line that cannot break out of its line: escaped like the inside of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def json_object(
    *,
    time_ns: int,
    priority: bundle.Priority,
    rule: str,
    source: str,
    hostname: str,
    tags: Iterable[str],
    message: str,
    output_fields: Mapping[str, Any],
    uuid: str | None = None,
    options: Options = DEFAULTS,
) -> dict[str, Any]:
    """The object of one alert, keys in alphabetical order; `uuid` is left out when there is none.

    output_fields: what `Renderer.render` gave; the time of the line is added here.
    """
    shown: dict[str, Any] = {
        "hostname": hostname,
        "priority": priority.label,
        "rule": rule,
        "source": source,
        "time": times.rfc3339(time_ns),
    }
    if options.include_output:
        shown["output"] = line(time_ns, priority, message, options)
    if options.include_message:
        shown["message"] = message
    if options.include_output_fields:
        time_key = "evt.time.iso8601" if options.iso else "evt.time"
        shown["output_fields"] = dict(sorted({time_key: time_ns, **output_fields}.items()))
    if options.include_tags:
        shown["tags"] = sorted(tags)
    if uuid is not None:
        shown["uuid"] = uuid
    return dict(sorted(shown.items()))

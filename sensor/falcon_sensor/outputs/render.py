"""An alert as one line, text or JSON, as settings ask for it. What stands in the line is the
language's business (`falcon_rules.output`); that it is one line and UTF-8 is ours."""

from __future__ import annotations

import json
from collections.abc import Callable

from falcon_rules.output import lines
from falcon_sensor import alerts
from falcon_sensor.settings import model

Render = Callable[[alerts.Alert], bytes]
"""Turns an alert into a line with its line end."""


def renderer(settings: model.Settings) -> Render:
    """As `json_output` says."""
    return as_json(settings) if settings.json_output else as_text(settings)


def as_text(settings: model.Settings) -> Render:
    shown = _options(settings)

    def text(alert: alerts.Alert) -> bytes:
        # What processes call themselves is in there: it must not break out of its line or steer a terminal.
        line = lines.escaped(lines.line(alert.time, alert.priority, alert.output, shown))
        return line.encode("utf-8", "backslashreplace") + b"\n"

    return text


def as_json(settings: model.Settings) -> Render:
    """Falco's JSON object."""
    shown = _options(settings)

    def json_line(alert: alerts.Alert) -> bytes:
        found = lines.json_object(
            time_ns=alert.time,
            priority=alert.priority,
            rule=alert.rule,
            source=alert.source,
            hostname=alert.hostname,
            tags=alert.tags,
            message=alert.output,
            output_fields=alert.fields,
            uuid=alert.uuid,
            options=shown,
        )
        return json.dumps(found, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"

    return json_line


def _options(settings: model.Settings) -> lines.Options:
    return lines.Options(
        iso=settings.time_format_iso_8601,
        include_output=settings.json_include_output_property,
        include_message=settings.json_include_message_property,
        include_output_fields=settings.json_include_output_fields_property,
        include_tags=settings.json_include_tags_property,
    )

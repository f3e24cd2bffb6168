"""An alert as one line, text or JSON, as settings ask for it. What stands in the line is the
language's business (`falcon_rules.output`); that it is one line and UTF-8 is ours."""

from __future__ import annotations

import json
from collections.abc import Callable

from falcon_rules.output import lines
from falcon_sensor import alerts
from falcon_sensor.settings import model


def renderer(settings: model.Settings) -> Callable[[alerts.Alert], bytes]:
    """What turns an alert into a line with its line end."""
    shown = lines.Options(
        iso=settings.time_format_iso_8601,
        include_output=settings.json_include_output_property,
        include_message=settings.json_include_message_property,
        include_output_fields=settings.json_include_output_fields_property,
        include_tags=settings.json_include_tags_property,
    )

    def text(alert: alerts.Alert) -> bytes:
        # What processes call themselves is in there: it must not break out of its line or steer a terminal.
        line = lines.escaped(lines.line(alert.time, alert.priority, alert.output, shown))
        return line.encode("utf-8", "backslashreplace") + b"\n"

    def as_json(alert: alerts.Alert) -> bytes:
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

    return as_json if settings.json_output else text

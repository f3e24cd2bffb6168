"""An alert as a syslog message, without the framing of its transport.

    RFC 5424   <12>1 2026-11-24T08:00:00.123456Z node-1 falcon-sensor 4711 alert [falcon@32473 rule="..."] TEXT
    local      <12>Nov 24 08:00:00 falcon-sensor[4711]: TEXT

Names and values in alerts are chosen by whoever is watched, so nothing of them may end a message or
a value early: control characters are escaped like in JSON, header fields keep visible ASCII alone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

from falcon_rules import times
from falcon_rules.output import lines
from falcon_sensor import alerts
from falcon_sensor.outputs import render
from falcon_sensor.settings import feeds

FACILITIES = {
    **{name: number for number, name in enumerate("kern user mail daemon auth syslog lpr news".split())},
    **{name: number for number, name in enumerate("uucp cron authpriv ftp".split(), 8)},
    **{f"local{number}": 16 + number for number in range(8)},
}
MESSAGE_ID = "alert"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
"""Syslog's are English, whatever the locale says."""
_HOSTNAME, _APP_NAME = 255, 48
"""RFC 5424's limits, characters."""
_VALUE = 256
"""Characters of a value in structured data; it is for filters, the text has everything."""
_CUT = "..."
_LIMITS = (1024, 256, 64, 16)
"""Characters that values of a JSON object keep, tried one after the other."""
_NEVER_CUT = ("uuid", "time", "priority")


def visible(text: str, longest: int) -> str:
    """For a header field: visible ASCII, `-` for nothing."""
    return "".join(c if "!" <= c <= "~" else "_" for c in text)[:longest] or "-"


class Messages:
    """Makes messages. cut: how many were too long. line: an alert's line, JSON if `as_json`.
    longest: bytes of a message."""

    def __init__(
        self, settings: feeds.SyslogOutput, line: render.Render, longest: int, *, local: bool, as_json: bool
    ) -> None:
        self.cut = 0
        self._settings, self._line = settings, line
        self._longest, self._local, self._json = longest, local, as_json
        self._facility = FACILITIES[settings.facility]
        self._app_name = visible(settings.app_name, _APP_NAME)
        self._pid = os.getpid()

    def message(self, alert: alerts.Alert) -> bytes:
        head = self._local_head(alert) if self._local else self._head(alert)
        text = self._line(alert).rstrip(b"\n")
        room = self._longest - len(head)
        if len(text) > room:
            self.cut += 1
            text = shortened_json(text, room) if self._json else shortened(text, room)
        return head + text

    def _priority(self, alert: alerts.Alert) -> str:
        return f"<{self._facility * 8 + alert.priority}>"

    def _local_head(self, alert: alerts.Alert) -> bytes:
        at = time.localtime(alert.time // 1_000_000_000)
        stamp = f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
        return f"{self._priority(alert)}{stamp} {self._app_name}[{self._pid}]: ".encode()

    def _head(self, alert: alerts.Alert) -> bytes:
        # Microseconds are the most that RFC 5424 allows.
        stamp = times.rfc3339(alert.time)[:26] + "Z"
        hostname = visible(alert.hostname, _HOSTNAME)
        start = f"{self._priority(alert)}1 {stamp} {hostname} {self._app_name} {self._pid} {MESSAGE_ID} "
        data = self._structured(alert) if self._settings.structured_data else "-"
        # Values of many bytes a character: what is left for the text must be the greater part.
        if len(data.encode("utf-8", "backslashreplace")) > self._longest // 2:
            data = "-"
        return f"{start}{data} ".encode("utf-8", "backslashreplace")

    def _structured(self, alert: alerts.Alert) -> str:
        shown = "".join(f' {name}="{_value(text)}"' for name, text in _facts(alert) if text)
        return f"[{self._settings.structured_data_id}{shown}]"


def _facts(alert: alerts.Alert) -> Iterator[tuple[str, str | None]]:
    yield "uuid", alert.uuid
    yield "rule", alert.rule
    yield "priority", alert.priority.label
    yield "source", alert.source
    yield "tags", ",".join(alert.tags)
    yield "namespace", alert.pod_namespace
    yield "pod", alert.pod_name
    yield "container", alert.container_name
    yield "container_id", alert.container_id


def _value(text: str) -> str:
    tame = "".join(lines.escaped(c) if c < " " else c for c in text[:_VALUE])
    return tame.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def shortened(text: bytes, room: int) -> bytes:
    """At most `room` bytes, whole characters."""
    kept = text[: max(0, room - len(_CUT))].decode("utf-8", "ignore")
    return kept.encode() + _CUT.encode()


def shortened_json(text: bytes, room: int) -> bytes:
    """A JSON object of at most `room` bytes, if there is any: long values are cut, then fields left out."""
    found: dict[str, Any] = json.loads(text)
    for limit in _LIMITS:
        shown = _dump({key: each if key in _NEVER_CUT else _cut(each, limit) for key, each in found.items()})
        if len(shown) <= room:
            return shown
    for key in ("output_fields", "tags", "message"):
        found.pop(key, None)
        shown = _dump({key: each if key in _NEVER_CUT else _cut(each, _LIMITS[-2]) for key, each in found.items()})
        if len(shown) <= room:
            return shown
    return shortened(shown, room)


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + _CUT
    if isinstance(value, dict):
        return {key: _cut(each, limit) for key, each in value.items()}
    return value


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")

"""Alerts and the version as Falco's messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from falcon_sensor.outputs.grpc.protos import outputs_pb2, schema_pb2, version_pb2

_NS = 1_000_000_000
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:[-.]?([0-9a-zA-Z.]+))?(?:\+(.+))?")


def response(alert: Mapping[str, Any]) -> bytes:
    """alert: as `sink.plain` makes it."""
    message = outputs_pb2.response(
        priority=alert["priority"],
        rule=_text(alert["rule"]),
        output=_text(alert["output"]),
        output_fields={_text(name): _text(_shown(value)) for name, value in alert["fields"].items()},
        hostname=_text(alert["hostname"]),
        tags=map(_text, alert["tags"]),
        source=_text(alert["source"]),
        source_deprecated=_source(alert["source"]),
    )
    message.time.seconds, message.time.nanos = divmod(alert["time"], _NS)
    return message.SerializeToString()


def version(text: str) -> bytes:
    """text: such as 1.2.3, 1.2.3rc1 or 1.2.3+build."""
    message = version_pb2.response(version=text)
    if found := _VERSION.fullmatch(text):
        message.major, message.minor, message.patch = (int(found[number] or 0) for number in (1, 2, 3))
        message.prerelease, message.build = found[4] or "", found[5] or ""
    return message.SerializeToString()


def _source(name: str) -> str:
    known = schema_pb2.source.DESCRIPTOR.values_by_name
    return name.upper() if name.upper() in known else "PLUGIN"


def _shown(value: Any) -> str:
    """Every value is text in Falco's message; one that there is not is shown as in alerts."""
    if value is None:
        return "<NA>"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(text: str) -> str:
    """protobuf takes nothing but valid UTF-8; names of processes and files need not be."""
    return text.encode("utf-8", "backslashreplace").decode()

"""Prometheus' Alertmanager, by its API v2.

Alertmanager knows an alert by its labels, so labels hold what names the trouble (rule, priority, where) and never what
differs from one happening to the next: that is in annotations. Sent twice it is one alert. It ends by itself, as nobody
tells of a security event that it is over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting
from falcon_rules import times

_SEVERITIES: Final = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")
_LABELLED: Final = (
    ("k8s.ns.name", "namespace"),
    ("k8s.pod.name", "pod"),
    ("container.name", "container"),
    ("container.image.repository", "image"),
)
_NAME = re.compile(r"[^a-zA-Z0-9_]+")


class Options(options.OverHttp):
    type: Literal["alertmanager"] = "alertmanager"
    url: str = Field(description="Address, such as http://alertmanager:9093")
    expires_seconds: Annotated[float, Field(ge=0)] = Field(
        0.0, description="An alert ends so long after it was sent; 0: as Alertmanager's resolve_timeout says"
    )
    labels: tuple[str, ...] = Field((), description="Further fields to make labels of")
    extra_labels: Mapping[str, str] = Field({}, description="Labels added to every alert")
    extra_annotations: Mapping[str, str] = Field({}, description="Annotations added to every alert")
    username: str | None = Field(None, description="For basic authentication")
    password: secrets.Secret | None = Field(None, description="For basic authentication")
    batch: Annotated[int, Field(ge=1, le=1000)] = Field(50, description="Alerts in a request, at most")


class Alertmanager(posting.Batching[Options]):
    def __init__(self, wanted: Options) -> None:
        super().__init__(wanted)
        self.batch = wanted.batch
        self._url = f"{wanted.url.rstrip('/')}/api/v2/alerts"

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def _post(self, batch: Sequence[base.Message]) -> http.Reply:
        headers = http.basic(self._wanted.username, self._wanted.password)
        document = [payload(message, self._wanted) for message in batch]
        return await self._client.post(self._url, json=document, headers=headers)


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    alert = message.alert
    labels = {
        "alertname": alert.rule,
        "rule": alert.rule,
        "priority": alert.priority.label,
        "severity": _SEVERITIES[alert.priority],
        "source": "falcon",
        "eventsource": alert.source,
        "hostname": alert.hostname,
        "tags": ",".join(alert.tags),
    }
    labels |= {name: facts.value(alert.fields.get(field)) for field, name in _LABELLED}
    labels |= {label(field): facts.value(alert.fields.get(field)) for field in wanted.labels}
    labels |= wanted.extra_labels
    annotations = {
        "summary": message.title,
        "description": dialects.cut(message.text, 8000),
        "uuid": alert.uuid,
        "count": str(message.count),
        **wanted.extra_annotations,
    }
    document: dict[str, Any] = {
        # An empty label is no label.
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": annotations,
        "startsAt": times.rfc3339(alert.time_ns),
    }
    if message.link:
        document["generatorURL"] = message.link
    if wanted.expires_seconds:
        # A node's clock may run ahead; what ends before it begins is refused.
        begins = max(time.time_ns(), alert.time_ns)
        document["endsAt"] = times.rfc3339(begins + int(wanted.expires_seconds * 1e9))
    return document


def label(field: str) -> str:
    """A field's name as a label's: letters, digits and underscores, no digit in front."""
    name = _NAME.sub("_", field).strip("_")
    return f"_{name}" if name[:1].isdigit() else name

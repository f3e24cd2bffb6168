"""Grafana Loki, by `/loki/api/v1/push` with JSON: 204 when all is taken.

Labels are what there are few of; the uuid and the rest are structured metadata or in the line. The same line at the
same time with the same labels is kept once, so what is sent twice is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import alertmanager, base, dialects, documents, facts, http, options, posting


class Options(options.OverHttp):
    type: Literal["loki"] = "loki"
    url: str = Field(description="Address, such as http://loki:3100")
    path: str = Field("/loki/api/v1/push", description="Path of the push API")
    tenant: str | None = Field(None, description="Tenant (X-Scope-OrgID)")
    format: Literal["json", "text"] = Field("json", description="What a line is: the whole alert, or its text")
    labels: tuple[str, ...] = Field((), description="Further fields to make labels of; few values each")
    extra_labels: Mapping[str, str] = Field({}, description="Labels added to every alert")
    structured_metadata: bool = Field(False, description="The uuid and the pod as structured metadata (Loki 3)")
    username: str | None = Field(None, description="For basic authentication (Grafana Cloud: the user's number)")
    password: secrets.Secret | None = Field(None, description="For basic authentication")
    bearer_token: secrets.Secret | None = Field(None, description="Token, instead of username and password")
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(500, description="Alerts in a request, at most")


class Loki(posting.Batching[Options]):
    def __init__(self, wanted: Options) -> None:
        super().__init__(wanted)
        self.batch = wanted.batch
        self._url = wanted.url.rstrip("/") + wanted.path

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def _post(self, batch: Sequence[base.Message]) -> http.Reply:
        headers = http.basic(self._wanted.username, self._wanted.password)
        if self._wanted.bearer_token is not None:
            headers["Authorization"] = f"Bearer {self._wanted.bearer_token.reveal()}"
        if self._wanted.tenant is not None:
            headers["X-Scope-OrgID"] = self._wanted.tenant
        return await self._client.post(self._url, json=payload(batch, self._wanted), headers=headers)


def payload(batch: Sequence[base.Message], wanted: Options) -> dict[str, Any]:
    """Streams by their labels, the lines of each in the order of the batch."""
    streams: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
    for message in batch:
        streams.setdefault(tuple(sorted(labels(message, wanted).items())), []).append(_entry(message, wanted))
    return {"streams": [{"stream": dict(key), "values": values} for key, values in streams.items()]}


def labels(message: base.Message, wanted: Options) -> dict[str, str]:
    alert = message.alert
    found = {
        "job": "falcon",
        "rule": alert.rule,
        "priority": alert.priority.label,
        "source": alert.source,
        "hostname": alert.hostname,
        "namespace": alert.namespace or "",
    }
    found |= {alertmanager.label(field): facts.value(alert.fields.get(field)) for field in wanted.labels}
    return {name: value for name, value in (found | dict(wanted.extra_labels)).items() if value}


def _entry(message: base.Message, wanted: Options) -> list[Any]:
    line = documents.line(message) if wanted.format == "json" else message.text
    entry: list[Any] = [str(message.alert.time_ns), line]
    if wanted.structured_metadata:
        entry.append({"uuid": message.alert.uuid, **({"pod": message.alert.pod} if message.alert.pod else {})})
    return entry

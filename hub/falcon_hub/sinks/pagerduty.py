"""PagerDuty, by its Events API v2: one event a request, 202 when it is taken.

`dedup_key` is the alert's uuid, so an event sent twice is one incident. A summary has at most 1,024 characters, a
whole event 512 kB.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, http, options, posting
from falcon_rules import times

_SEVERITIES: Final = ("critical", "critical", "critical", "error", "warning", "info", "info", "info")
_MOST_DETAILS: Final = 400_000
"""Bytes of the details: an event may have 512 kB in all."""


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=60, per_seconds=60)

    type: Literal["pagerduty"] = "pagerduty"
    routing_key: secrets.Secret = Field(description="Integration key of an Events API v2 integration")
    url: str = Field("https://events.pagerduty.com/v2/enqueue", description="In the EU events.eu.pagerduty.com")
    component: str | None = Field(None, description="Component of the events; the alert's pod or source without")


class PagerDuty(posting.Posting[Options]):
    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def _post(self, message: base.Message) -> http.Reply:
        event = {"routing_key": self._wanted.routing_key.reveal(), **payload(message, self._wanted)}
        return await self._client.post(self._wanted.url, json=event)


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    """The event without its key."""
    alert = message.alert
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": message.key,
        "client": "falcon-hub",
        "payload": {
            "summary": dialects.cut(dialects.line(f"{message.title}: {message.text}"), 1024),
            "severity": _SEVERITIES[alert.priority],
            "source": alert.hostname or "unknown",
            "timestamp": times.rfc3339(alert.time_ns),
            "component": wanted.component or alert.pod or alert.source,
            "group": alert.namespace or alert.hostname or "unknown",
            "class": alert.rule,
            "custom_details": _details(message),
        },
    }
    if message.link:
        event |= {"client_url": message.link, "links": [{"href": message.link, "text": "Alert in Falcon"}]}
    return event


def _details(message: base.Message) -> dict[str, Any]:
    details: dict[str, Any] = {
        "rule": message.alert.rule,
        "priority": message.alert.priority.label,
        "output": message.alert.output,
        "tags": list(message.alert.tags),
        "uuid": message.alert.uuid,
        "count": message.count,
        "fields": dict(message.alert.fields),
    }
    if message.tallies:
        details["digest"] = {each.rule: each.count for each in message.tallies}
    if len(json.dumps(details)) > _MOST_DETAILS:
        details["fields"] = "left out: too large"
        details["output"] = dialects.cut(message.alert.output, 10_000)
    return details

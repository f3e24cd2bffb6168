"""Opsgenie's Alert API: 202 when an alert is taken.

`alias` is the alert's uuid: while that alert is open, the same again only counts up. Limits: message 130 characters,
description 15,000, 20 tags of 50 characters, details 8,000 characters in all.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting

_PRIORITIES: Final = ("P1", "P1", "P2", "P2", "P3", "P4", "P5", "P5")
_URLS: Final = {"us": "https://api.opsgenie.com/v2/alerts", "eu": "https://api.eu.opsgenie.com/v2/alerts"}
_MOST_DETAILS: Final = 8000


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=60, per_seconds=60)

    type: Literal["opsgenie"] = "opsgenie"
    api_key: secrets.Secret = Field(description="Key of an API integration")
    region: Literal["us", "eu"] = Field("us", description="Where the account lives")
    url: str | None = Field(None, description="Another address than the region's")
    responders: tuple[str, ...] = Field((), description="Names of teams")


class Opsgenie(posting.Posting[Options]):
    def __init__(self, wanted: Options) -> None:
        super().__init__(wanted)
        self._url = wanted.url or _URLS[wanted.region]

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def _post(self, message: base.Message) -> http.Reply:
        headers = {"Authorization": f"GenieKey {self._wanted.api_key.reveal()}"}
        return await self._client.post(self._url, json=payload(message, self._wanted), headers=headers)


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    alert = message.alert
    description = f"{message.text}\n\n{message.link}" if message.link else message.text
    document: dict[str, Any] = {
        "message": dialects.cut(dialects.line(message.title), 130),
        "alias": message.key,
        "description": dialects.cut(description, 15_000),
        "priority": _PRIORITIES[alert.priority],
        "source": "falcon-hub",
        "entity": dialects.cut(alert.pod or alert.hostname or "unknown", 512),
        "tags": [dialects.cut(tag, 50) for tag in alert.tags[:20]],
        "details": _details(message),
    }
    if wanted.responders:
        document["responders"] = [{"type": "team", "name": name} for name in wanted.responders]
    return document


def _details(message: base.Message) -> dict[str, str]:
    """As many as fit."""
    details: dict[str, str] = {"uuid": message.alert.uuid, "rule": message.alert.rule, "count": str(message.count)}
    used = sum(map(len, (*details, *details.values())))
    for name, value in sorted(message.alert.fields.items()):
        text = dialects.cut(facts.value(value), 1000)
        used += len(name) + len(text)
        if used > _MOST_DETAILS:
            break
        details[name] = text
    return details

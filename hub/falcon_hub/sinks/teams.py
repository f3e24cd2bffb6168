"""Microsoft Teams, by a workflow ("When a Teams webhook request is received"): an Adaptive Card in a message.

Microsoft retired the connectors and their MessageCard, so cards are all there is. The workflow answers 202 before the
card is posted, has no key to tell a repetition by, and takes at most 28 kB.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting

_COLOURS: Final = ("attention", "attention", "attention", "attention", "warning", "accent", "default", "default")
_MOST: Final = 25_000
"""Bytes of a message: Teams takes 28 kB with what the workflow adds."""


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=30, per_seconds=60)

    type: Literal["teams"] = "teams"
    webhook_url: secrets.Secret = Field(description="Address of the workflow")
    fields: facts.Shown = Field("key", description="Fields to show: key, all or none")


class Teams(posting.Posting[Options]):
    def escape(self, value: str) -> str:
        return dialects.markdown(value)

    async def _post(self, message: base.Message) -> http.Reply:
        return await self._client.post(self._wanted.webhook_url.reveal(), json=payload(message, self._wanted))


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    shown = [] if message.tallies else facts.of(message, wanted.fields)
    most = 1000
    while len(json.dumps(document := _document(message, shown, most)).encode()) > _MOST:
        most, shown = most // 2, shown[: max(4, len(shown) // 2)]
    return document


def _document(message: base.Message, shown: list[tuple[str, str]], most: int) -> dict[str, Any]:
    title = {
        "type": "TextBlock",
        "text": dialects.cut(message.title, 500),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
        "color": _COLOURS[message.alert.priority],
    }
    body: list[dict[str, Any]] = [
        title,
        {"type": "TextBlock", "text": dialects.cut(message.text, max(most, 100) * 4), "wrap": True},
    ]
    if shown:
        rows = [
            {"title": dialects.markdown(name), "value": dialects.cut(dialects.markdown(value), max(most, 20))}
            for name, value in shown
        ]
        body.append({"type": "FactSet", "facts": rows})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in Falcon", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}

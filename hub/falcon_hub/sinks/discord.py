"""Discord, by a channel's webhook: 204 when a message is posted, 429 with the seconds to wait.

There is no key to tell a repetition by. Limits: content 2,000 characters, an embed's title 256, description 4,096, 25
fields of 256 and 1,024, all texts of the embeds 6,000 together.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting
from falcon_rules import times

_COLOURS: Final = (0x8B0000, 0x8B0000, 0xC62828, 0xE65100, 0xF9A825, 0x1565C0, 0x546E7A, 0x9E9E9E)
_MOST_EMBED: Final = 5900
"""Characters of an embed: 6,000, less what the footer takes."""


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    # A webhook takes five messages in two seconds and about thirty a minute.
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=25, per_seconds=60)

    type: Literal["discord"] = "discord"
    webhook_url: secrets.Secret = Field(description="Address of the channel's webhook")
    username: str | None = Field(None, description="Name to post under; the webhook's without")
    fields: facts.Shown = Field("key", description="Fields to show: key, all or none")


class Discord(posting.Posting[Options]):
    def escape(self, value: str) -> str:
        return dialects.markdown(value)

    async def _post(self, message: base.Message) -> http.Reply:
        reply = await self._client.post(address(self._wanted.webhook_url.reveal()), json=payload(message, self._wanted))
        if reply.status == 429 and reply.retry_after is None:
            reply = http.Reply(reply.status, reply.text, _asked(reply.text))
        return reply


def address(given: str) -> str:
    """With a version: without one Discord speaks its oldest, which counts Retry-After in milliseconds."""
    return given.replace("/api/webhooks/", "/api/v10/webhooks/", 1)


def _asked(text: str) -> float | None:
    try:
        return float(json.loads(text)["retry_after"])
    except (ValueError, KeyError, TypeError):
        return None


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    embed: dict[str, Any] = {
        "title": dialects.cut(message.title, 256),
        "description": dialects.cut(message.text, 4000),
        "color": _COLOURS[message.alert.priority],
        "timestamp": times.rfc3339(message.alert.time_ns),
    }
    if message.link:
        embed["url"] = message.link
    left = _MOST_EMBED - len(embed["title"]) - len(embed["description"])
    fields = []
    for name, value in [] if message.tallies else facts.of(message, wanted.fields)[:25]:
        field = {
            "name": dialects.cut(dialects.markdown(name), 256),
            "value": dialects.cut(dialects.markdown(value), 1024) or "–",
            "inline": len(value) <= 40,
        }
        left -= len(str(field["name"])) + len(str(field["value"]))
        if left < 0:
            break
        fields.append(field)
    document: dict[str, Any] = {"embeds": [embed | {"fields": fields}], "allowed_mentions": {"parse": []}}
    return document | ({"username": wanted.username} if wanted.username else {})

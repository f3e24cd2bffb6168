"""Telegram, by a bot's `sendMessage` with HTML: `{"ok": true}` when it is posted, 429 with `parameters.retry_after`.

There is no key to tell a repetition by. A text has at most 4,096 characters; a group takes 20 messages a minute.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=20, per_seconds=60)

    type: Literal["telegram"] = "telegram"
    token: secrets.Secret = Field(description="The bot's token")
    chat_id: str = Field(description="Number of the chat or @name of the channel", coerce_numbers_to_str=True)
    thread_id: int | None = Field(None, description="Topic of a forum")
    url: str = Field("https://api.telegram.org", description="Another server of the Bot API")
    fields: facts.Shown = Field("key", description="Fields to show: key, all or none")


class Telegram(posting.Posting[Options]):
    def escape(self, value: str) -> str:
        return dialects.html(value)

    async def _post(self, message: base.Message) -> http.Reply:
        url = f"{self._wanted.url.rstrip('/')}/bot{self._wanted.token.reveal()}/sendMessage"
        reply = await self._client.post(url, json=payload(message, self._wanted))
        if reply.status == 429 and reply.retry_after is None:
            reply = http.Reply(reply.status, reply.text, _asked(reply.text))
        return reply


def _asked(text: str) -> float | None:
    try:
        return float(json.loads(text)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return None


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    head = f"<b>{dialects.cut(message.title, 500)}</b>\n"
    # What stands after the text is built first, so that cutting the text never cuts a tag.
    tail = f'\n<a href="{dialects.html(message.link)}">Open in Falcon</a>' if message.link else ""
    body = dialects.cut(message.text, 2500)
    left = 4000 - len(head) - len(body) - len(tail)
    lines = []
    for name, value in [] if message.tallies else facts.of(message, wanted.fields):
        line = f"\n<b>{dialects.html(name)}</b>: {dialects.cut(dialects.html(value), 500)}"
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    document: dict[str, Any] = {
        "chat_id": wanted.chat_id,
        "text": head + body + "".join(lines) + tail,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    return document | ({"message_thread_id": wanted.thread_id} if wanted.thread_id is not None else {})

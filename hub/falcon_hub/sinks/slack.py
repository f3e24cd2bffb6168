"""Slack, and what takes Slack's incoming webhooks as they are (Mattermost, Rocket.Chat).

An incoming webhook takes one message a request, answers `ok`, and has no key to tell a repetition by. Blocks hold at
most 3,000 characters of text, a section ten fields of 2,000 characters.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, posting

_COLOURS = ("#8b0000", "#8b0000", "#c62828", "#e65100", "#f9a825", "#1565c0", "#546e7a", "#9e9e9e")
"""By priority, Emergency to Debug."""


class Options(options.OverHttp):
    people: ClassVar[bool] = True
    # Slack takes a message a second, short bursts apart; people take fewer.
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=30, per_seconds=60)

    type: Literal["slack"] = "slack"
    webhook_url: secrets.Secret = Field(description="Address of the incoming webhook")
    channel: str | None = Field(None, description="Only webhooks of the old kind, Mattermost and Rocket.Chat follow it")
    username: str | None = Field(None, description="As for channel")
    icon_emoji: str | None = Field(None, description="As for channel")
    fields: facts.Shown = Field("key", description="Fields to show: key, all or none")


class Slack(posting.Posting[Options]):
    def escape(self, value: str) -> str:
        return dialects.slack(value)

    async def _post(self, message: base.Message) -> http.Reply:
        return await self._client.post(self._wanted.webhook_url.reveal(), json=payload(message, self._wanted))


def payload(message: base.Message, wanted: Options) -> dict[str, Any]:
    title = dialects.cut(message.title, 2900)
    heading = f"<{dialects.slack(message.link)}|{title}>" if message.link else title
    blocks: list[dict[str, Any]] = [_section(f"*{heading}*")]
    if message.text:
        blocks.append(_section(dialects.cut(message.text, 3000)))
    shown = facts.of(message, wanted.fields) if not message.tallies else []
    blocks += [
        {"type": "section", "fields": [_field(*each) for each in shown[start : start + 10]]}
        for start in range(0, min(len(shown), 40), 10)
    ]
    document: dict[str, Any] = {
        # What notifications show.
        "text": dialects.cut(message.title, 300),
        "attachments": [{"color": _COLOURS[message.alert.priority], "blocks": blocks}],
    }
    given = {"channel": wanted.channel, "username": wanted.username, "icon_emoji": wanted.icon_emoji}
    return document | {name: value for name, value in given.items() if value is not None}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _field(name: str, value: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": dialects.cut(f"*{dialects.slack(name)}*\n{dialects.slack(value) or '–'}", 2000)}

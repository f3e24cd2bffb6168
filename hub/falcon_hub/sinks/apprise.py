"""The hundred other receivers, by the library Apprise (imported when used): SMS, chats, push services, ticket systems.

Apprise blocks, retries nothing and says no more than yes or no, so each message runs in a thread and a no is tried
again. There is no key to tell a repetition by. Its addresses are secrets (`twilio://SID:TOKEN@...`).
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, options, redaction

_HEARD: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("heard", default=None)
_TYPES: Final = ("failure", "failure", "failure", "failure", "warning", "info", "info", "info")


class Options(options.Common):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=20, per_seconds=60)

    type: Literal["apprise"] = "apprise"
    url: secrets.Secret = Field(description="Address as Apprise writes it (ntfy://..., mattermost://..., xmpp://...)")
    fields: facts.Shown = Field("key", description="Fields to show: key, all or none")


class Apprise:
    batch = 1

    def __init__(self, wanted: Options) -> None:
        try:
            import apprise
        except ImportError:
            raise base.Unusable("Apprise is not there: pip install 'falcon-k8s[hub-sinks]'") from None
        self._wanted = wanted
        self._library = apprise
        self._redact = redaction.Redactor(wanted.secrets())
        if not apprise.Apprise().add(wanted.url.reveal()):
            raise base.Unusable("url: Apprise does not know such an address")
        _listen()

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        return await base.one_by_one(batch, self._one)

    async def close(self) -> None:
        return

    async def _one(self, message: base.Message) -> None:
        text = body(message, self._wanted)
        try:
            problem = await asyncio.to_thread(self._notify, message, text)
        except (OSError, ValueError, TypeError) as error:
            raise base.Failed(self._redact(f"{type(error).__name__}: {error}")) from None
        if problem is not None:
            # Apprise does not say whether there was an answer.
            raise base.Failed(self._redact(problem), answered=True)

    def _notify(self, message: base.Message, text: str) -> str | None:
        """Why it failed; None when it did not."""
        target = self._library.Apprise()
        target.add(self._wanted.url.reveal())
        heard: list[str] = []
        _HEARD.set(heard)
        sent = target.notify(
            body=text,
            title=dialects.cut(dialects.line(message.title), 250),
            notify_type=_TYPES[message.alert.priority],
            body_format=self._library.NotifyFormat.TEXT,
        )
        return None if sent else heard[-1] if heard else "Apprise could not send it"


def _listen() -> None:
    """What Apprise logs of a failure may hold an address: it is heard here, told redacted, and goes nowhere else."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not any(isinstance(each, _Heard) for each in logger.handlers):
        logger.addHandler(_Heard(logging.WARNING))


class _Heard(logging.Handler):
    """Puts warnings, which are all that Apprise tells of a failure, to the call they belong to: others send meanwhile,
    and what is said of them may hold secrets that are not known here. Apprise's threads inherit the call's context."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = _HEARD.get()
        if heard is not None:
            heard.append(record.getMessage()[:300])


def body(message: base.Message, wanted: Options) -> str:
    rows: list[tuple[str, Any]] = [] if message.tallies else facts.of(message, wanted.fields)
    lines = [message.text, *(f"{name}: {dialects.line(value)}" for name, value in rows)]
    return "\n".join(lines + ([message.link] if message.link else []))

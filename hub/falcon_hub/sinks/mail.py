"""E-mail over SMTP, by aiosmtplib: text and HTML, one mail a message.

The `Message-ID` is made from the uuid, which mail servers and readers that drop duplicates go by. A 4xx answer comes
again, a 5xx about the sender or the content is final, one about the login is the sink's own trouble.
"""

from __future__ import annotations

import email.message
import email.utils
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

import aiosmtplib
from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, facts, http, options, redaction

_PORTS: Final = {"none": 25, "starttls": 587, "tls": 465}


class Options(options.Common):
    people: ClassVar[bool] = True
    rate: ClassVar[options.RateLimit | None] = options.RateLimit(messages=20, per_seconds=300)

    type: Literal["email"] = "email"
    host: str = Field(description="Mail server")
    port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(None, description="25, 587 or 465 by encryption")
    encryption: Literal["none", "starttls", "tls"] = Field("starttls", description="A server without it gets nothing")
    tls: options.Tls = Field(options.Tls(), description="TLS")
    username: str | None = Field(None, description="For the login")
    password: secrets.Secret | None = Field(None, description="For the login")
    sender: str = Field(pattern=r"^[^\r\n]+@[^\r\n]+$", description="From")
    recipients: tuple[Annotated[str, Field(pattern=r"^[^\r\n]+@[^\r\n]+$")], ...] = Field(
        min_length=1, description="To, each of them"
    )
    fields: facts.Shown = Field("all", description="Fields to show: key, all or none")


class Mail:
    batch = 10

    def __init__(self, wanted: Options) -> None:
        self._wanted = wanted
        self._redact = redaction.Redactor(wanted.secrets())

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        """One connection for the batch."""
        try:
            client = await self._connect()
        except base.Failed as failure:
            return base.Outcome(0, {}, failure)
        try:
            return await base.one_by_one(batch, lambda message: self._one(client, message))
        finally:
            client.close()

    async def close(self) -> None:
        return

    async def _connect(self) -> aiosmtplib.SMTP:
        wanted = self._wanted
        try:
            client = aiosmtplib.SMTP(
                hostname=wanted.host,
                port=wanted.port or _PORTS[wanted.encryption],
                timeout=wanted.timeout_seconds,
                use_tls=wanted.encryption == "tls",
                start_tls=wanted.encryption == "starttls",
                tls_context=None if wanted.encryption == "none" else http.tls_context(wanted.tls),
            )
            await client.connect()
            if wanted.username is not None:
                await client.login(wanted.username, wanted.password.reveal() if wanted.password else "")
        except aiosmtplib.SMTPAuthenticationError as error:
            raise base.Failed(self._redact(f"login refused: {error.code} {error.message}"), broken=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise base.Failed(self._redact(f"{error}" or type(error).__name__)) from None
        return client

    async def _one(self, client: aiosmtplib.SMTP, message: base.Message) -> None:
        try:
            await client.send_message(mail(message, self._wanted))
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            reason = self._redact("; ".join(f"{each.code} {each.message}" for each in error.recipients))
            raise (
                base.Failed(reason, answered=True) if any(code < 500 for code in codes) else base.Refused(reason)
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            reason = self._redact(f"{error.code} {error.message}")
            raise (base.Refused(reason) if 500 <= error.code < 600 else base.Failed(reason, answered=True)) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise base.Failed(self._redact(str(error) or type(error).__name__)) from None


def mail(message: base.Message, wanted: Options) -> email.message.EmailMessage:
    made = email.message.EmailMessage()
    made["From"], made["To"] = wanted.sender, ", ".join(wanted.recipients)
    made["Subject"] = dialects.cut(dialects.line(message.title), 200)
    made["Date"] = email.utils.formatdate(message.alert.time_ns / 1e9, localtime=False)
    made["Message-ID"] = f"<{message.key}@falcon-hub>"
    made["X-Falcon-Rule"] = dialects.cut(dialects.line(message.alert.rule), 200)
    made["X-Falcon-Priority"] = message.alert.priority.label
    # Nobody's holiday notice shall answer.
    made["Auto-Submitted"] = "auto-generated"
    if message.alert.priority <= 2:
        made["X-Priority"] = "1"
    rows = [] if message.tallies else facts.of(message, wanted.fields)
    made.set_content(_plain(message, rows))
    made.add_alternative(_html(message, rows), subtype="html")
    return made


def _plain(message: base.Message, rows: list[tuple[str, str]]) -> str:
    lines = [message.text, "", *(f"{dialects.line(name)}: {dialects.plain(value)}" for name, value in rows)]
    return "\n".join(lines + (["", message.link] if message.link else [])) + "\n"


def _html(message: base.Message, rows: list[tuple[str, str]]) -> str:
    table = "".join(
        f"<tr><th align=left valign=top>{dialects.html(name)}</th><td><code>{dialects.html(value)}</code></td></tr>"
        for name, value in rows
    )
    link = f'<p><a href="{dialects.html(message.link)}">Open in Falcon</a></p>' if message.link else ""
    text = dialects.html(message.text).replace("\n", "<br>")
    return f"<html><body><h3>{dialects.html(message.title)}</h3><p>{text}</p><table>{table}</table>{link}</body></html>"

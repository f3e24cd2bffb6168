"""Mail through a real SMTP server (aiosmtpd): with and without TLS and login, and with every way to be refused."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd import controller, smtp
from tests.hub.sinks import support
from tests.sensor.outputs.support import certificates

from falcon_hub.sinks import base, options, registry


class Box:
    """Takes mail; answer: what a recipient is answered."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer: Callable[[str], str] = lambda _address: "250 OK"
        self.data_answer = "250 taken"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, _options: Any) -> str:
        answer = self.answer(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_answer.startswith("250"):
            found = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(found, EmailMessage)
            self.mails.append(found)
        return self.data_answer


Serve = Callable[..., tuple[Box, dict[str, Any]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[controller.Controller] = []

    def start(**given: Any) -> tuple[Box, dict[str, Any]]:
        box = Box()
        server = controller.Controller(box, hostname="127.0.0.1", port=support.free_port(), **given)
        server.start()
        running.append(server)
        return box, {"host": "127.0.0.1", "port": server.port, "encryption": "none"}

    yield start
    for each in running:
        each.stop()


def _sink(**given: Any) -> tuple[options.Common, base.Sink]:
    addresses = {"sender": "falcon@hub.example", "recipients": ["sec@team.example", "ops@team.example"]}
    chosen = support.wanted("email", **(addresses | {"timeout_seconds": 20} | given))
    return chosen, registry.make(chosen)


async def _send(count: int = 1, members: dict[str, Any] | None = None, **given: Any) -> base.Outcome:
    chosen, sink = _sink(**given)
    batch = [support.message(sink, chosen, support.alert(n, **(members or {}))) for n in range(count)]
    return await sink.send(batch)


async def test_a_mail(serve: Serve) -> None:
    box, where = serve()
    assert await _send(3, **where) == base.Outcome(3)
    first = box.mails[0]
    assert first["Subject"] == "Warning: Terminal shell in container"
    assert first["Message-ID"] == f"<{support.alert().uuid}@falcon-hub>"
    assert first["To"] == "sec@team.example, ops@team.example"
    assert first["Auto-Submitted"] == "auto-generated"
    text = first.get_body(("plain",))
    assert text is not None
    assert "A shell was spawned number=00000" in text.get_content()
    assert "k8s.pod.name: api-7d9f" in text.get_content()
    assert len({each["Message-ID"] for each in box.mails}) == 3


async def test_what_an_attacker_chose_is_no_header_and_no_markup(serve: Serve) -> None:
    box, where = serve()
    hostile = "x\r\nBcc: spy@evil.example\r\n\r\n<script>alert(1)</script>"
    members = {"rule": hostile, "output": hostile, "fields": {"proc.cmdline": hostile}, "tags": (hostile,)}
    assert await _send(members=members, **where) == base.Outcome(1)
    (found,) = box.mails
    assert found["Bcc"] is None
    html = found.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


@pytest.mark.parametrize("way", ["starttls", "tls"])
async def test_encrypted_with_login(serve: Serve, tmp_path: Path, way: str) -> None:
    signer = certificates.Authority(tmp_path)
    certificate, key = signer.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    seen: list[bytes] = []

    def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> smtp.AuthResult:
        seen.append(data.password)
        return smtp.AuthResult(success=data.password == support.SECRET.encode(), handled=False)

    tls = {"tls_context": context, "require_starttls": True} if way == "starttls" else {"ssl_context": context}
    box, where = serve(authenticator=login, auth_require_tls=way == "starttls", **tls)
    given = where | {"host": "localhost", "encryption": way, "tls": {"ca_cert": str(signer.file)}, "username": "hub"}
    assert await _send(**given, password=support.SECRET) == base.Outcome(1)
    wrong = await _send(**given, password="WRONG" + support.SECRET)
    assert (len(box.mails), wrong.done) == (1, 0)
    assert wrong.failure is not None
    assert wrong.failure.broken
    assert support.SECRET not in str(wrong.failure)
    logins = len(seen)
    distrusting = await _send(**(given | {"tls": {}}), password=support.SECRET)
    assert distrusting.failure is not None
    assert len(seen) == logins


async def test_a_server_without_encryption_gets_nothing(serve: Serve) -> None:
    box, where = serve()
    outcome = await _send(**(where | {"encryption": "starttls"}))
    assert outcome.failure is not None
    assert box.mails == []


@pytest.mark.parametrize(
    ("answer", "refused"),
    [("450 mailbox busy", False), ("550 no such user", True)],
)
async def test_recipients_refused(serve: Serve, answer: str, refused: bool) -> None:
    box, where = serve()
    box.answer = lambda _address: answer
    outcome = await _send(**where)
    assert bool(outcome.refused) is refused
    assert (outcome.failure is None) is refused
    assert answer.split(" ", 1)[1] in str(outcome)


@pytest.mark.parametrize(("answer", "refused"), [("451 try later", False), ("552 too much mail data", True)])
async def test_content_refused(serve: Serve, answer: str, refused: bool) -> None:
    box, where = serve()
    box.data_answer = answer
    outcome = await _send(**where)
    assert bool(outcome.refused) is refused
    assert (outcome.failure is None) is refused


async def test_nobody_there() -> None:
    outcome = await _send(host="127.0.0.1", port=support.free_port(), encryption="none")
    assert outcome.failure is not None
    assert outcome.done == 0

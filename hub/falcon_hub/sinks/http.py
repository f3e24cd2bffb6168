"""The one HTTP client of all sinks that speak HTTP: what an answer means is decided here.

| answer | what it means |
|---|---|
| 2xx | the receiver has it |
| 408, 425, 429, 5xx, none | later, after `Retry-After` where it is said |
| 400, 413, 422 | this message will never be taken |
| another 4xx, 3xx | the sink is wrong (a key, an address): nothing gets through until somebody mends it |

Redirects are not followed: they would carry credentials elsewhere.
"""

from __future__ import annotations

import base64
import email.utils
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, options, redaction

LATER: Final = frozenset({408, 425, 429})
REFUSED: Final = frozenset({400, 413, 422})
MOST_ANSWER: Final = 16 << 20
"""Bytes read of an answer. Bulk answers name every document and may explain at length what is wrong with each; anything
longer is no answer we asked for."""
MOST_TOLD: Final = 300
"""Characters of an answer that are repeated in a reason."""


@dataclass(frozen=True, slots=True)
class Reply:
    """status: HTTP's. text: the body, cut at MOST_ANSWER. retry_after: seconds, when the receiver said so."""

    status: int
    text: str
    retry_after: float | None = None


class Client:
    """Connections to one receiver, opened when first used."""

    def __init__(self, wanted: options.OverHttp, connections: int = 4) -> None:
        self.redact = redaction.Redactor(wanted.secrets())
        self._wanted = wanted
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._tls: tuple[object, ssl.SSLContext | bool] | None = None

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: aiohttp.BasicAuth | None = None,
    ) -> Reply:
        """One POST. Raises Failed when no answer comes."""
        sent = {**self._wanted.headers, **(headers or {})}
        sent |= {name: value.reveal() for name, value in self._wanted.secret_headers.items()}
        try:
            async with self._open().post(
                _url(url), json=json, data=data, headers=sent, auth=auth, allow_redirects=False, ssl=self._context()
            ) as answer:
                text = (await _read(answer.content)).decode("utf-8", "replace")
                return Reply(answer.status, text, retry_after(answer.headers.get("Retry-After")))
        except TimeoutError:
            raise base.Failed(f"no answer within {self._wanted.timeout_seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            # Whoever closes the connection over a request may do so over this one alone.
            connecting = isinstance(error, aiohttp.ClientConnectorError)
            answered = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not connecting
            raise base.Failed(self.redact(_told(error)), answered=answered) from None

    def judge(self, reply: Reply, refused: frozenset[int] = REFUSED) -> None:
        """Returns when the receiver has it. Raises Refused or Failed."""
        if 200 <= reply.status < 300:
            return
        reason = self.redact(f"HTTP {reply.status}: {' '.join(reply.text.split())[:MOST_TOLD]}".rstrip(": "))
        if reply.status in refused:
            raise base.Refused(reason)
        if reply.status in LATER or reply.status >= 500:
            raise base.Failed(reason, reply.retry_after, answered=reply.status >= 500)
        raise base.Failed(reason, reply.retry_after, broken=True)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._wanted.timeout_seconds)
            connector = aiohttp.TCPConnector(limit=self._connections)
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                connector=connector,
                proxy=self._wanted.proxy,
                headers={"User-Agent": "falcon-hub"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _context(self) -> ssl.SSLContext | bool:
        """Made anew when a file has changed, so that replaced certificates count without a restart."""
        stamp = tls_stamp(self._wanted.tls)
        if self._tls is None or self._tls[0] != stamp:
            self._tls = (stamp, tls_context(self._wanted.tls))
        return self._tls[1]


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    while len(body) < MOST_ANSWER and (part := await content.read(MOST_ANSWER - len(body))):
        body += part
    return bytes(body)


def tls_stamp(wanted: options.Tls) -> tuple[object, ...]:
    import os

    stamps: list[object] = []
    for path in (wanted.ca_cert, wanted.client_cert, wanted.client_key):
        try:
            stamps.append(os.stat(path).st_mtime_ns if path else None)
        except OSError:
            stamps.append(-1)
    return tuple(stamps)


def tls_context(wanted: options.Tls) -> ssl.SSLContext:
    """Raises OSError when a file cannot be read."""
    context = ssl.create_default_context(cafile=wanted.ca_cert)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if wanted.client_cert:
        context.load_cert_chain(wanted.client_cert, wanted.client_key)
    if wanted.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds. A receiver may ask for patience, not for silence of days."""


def retry_after(value: str | None) -> float | None:
    """Of a Retry-After header, which holds seconds (Discord sends fractions) or a date. None: nothing usable."""
    if value is None:
        return None
    try:
        seconds = float(value.strip()[:16])
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError, TypeError):
            return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER) if seconds == seconds else None


def _url(text: str) -> URL:
    url = URL(text, encoded="%" in text)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("the address must begin with http:// or https:// and a host")
    return url


def _told(error: BaseException) -> str:
    """An error without the address: aiohttp's errors about addresses quote them."""
    if isinstance(error, aiohttp.InvalidURL):
        return "the address is not valid"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before an answer came"
    if isinstance(error, OSError):
        return f"the connection broke: {error.strerror or error}"
    return f"{type(error).__name__}: {error}"


def basic(username: str | None, password: secrets.Secret | None) -> dict[str, str]:
    """Basic authentication's header, where there is a name."""
    if username is None:
        return {}
    pair = f"{username}:{password.reveal() if password else ''}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

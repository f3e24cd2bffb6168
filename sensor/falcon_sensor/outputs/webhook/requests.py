"""Alerts on the wire: body, headers, credentials. One call, one request; what follows from its answer
is `courier`'s business."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib import parse

from falcon_sensor.outputs import transport
from falcon_sensor.settings import receivers

_GZIP_LEVEL = 5
"""An alert of 1 kB becomes 500 bytes; higher levels cost twice the time for 1 % less."""
_GZIP_FROM = 256
"""Bytes. Below it gzip's own header eats up what is won."""


class Credentials:
    """The Authorization header. Files are read for every request: they are tiny, and tokens get replaced."""

    def __init__(self, settings: receivers.HttpOutput, user: str | None = None, password: str | None = None) -> None:
        """user, password: from the URL, where settings have none."""
        basic = settings.basic_auth
        self._username = basic.username or user
        self._password = basic.password if basic.password is not None else password
        self._password_file = basic.password_file
        self._token, self._token_file = settings.bearer_token, settings.bearer_token_file

    def header(self) -> Mapping[str, str]:
        """Empty when there are none. OSError when a file cannot be read."""
        if self._token_file is not None:
            return {"Authorization": f"Bearer {_read(self._token_file)}"}
        if self._token is not None:
            return {"Authorization": f"Bearer {self._token}"}
        if self._username is None:
            return {}
        password = _read(self._password_file) if self._password_file is not None else self._password or ""
        pair = base64.b64encode(f"{self._username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. shown: for people; paths and queries of webhooks often are secrets."""

    base: str
    path: str
    shown: str
    user: str | None
    password: str | None


def address(url: str) -> Address:
    """Raises ValueError, its text says what is wrong."""
    parts = parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("has no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(c <= " " for c in path):
        raise ValueError("has characters that must be percent-encoded")
    user = parse.unquote(parts.username) if parts.username is not None else None
    password = parse.unquote(parts.password) if parts.password is not None else None
    return Address(base, path, base, user, password)


class Poster:
    """Sends alerts to one URL, from one thread."""

    def __init__(self, settings: receivers.HttpOutput, to: Address, trust: transport.Trust | None) -> None:
        timeouts = transport.Timeouts(settings.connect_timeout_seconds, settings.timeout_seconds)
        self._client = transport.Client(to.base, trust, timeouts, keep_alive=settings.keep_alive)
        self._credentials = Credentials(settings, to.user, to.password)
        self._path = to.path
        self._compress = settings.compress_uploads
        self._form = settings.batch.format if settings.batch.max_alerts > 1 else "object"
        content = "application/x-ndjson" if self._form == "ndjson" else "application/json"
        self._headers = {
            "User-Agent": settings.user_agent,
            "Accept": "*/*",
            **settings.headers,
            "Content-Type": settings.headers.get("Content-Type", content),
        }

    def post(self, alerts: Sequence[bytes]) -> transport.Answer:
        """alerts: as JSON; exactly one unless batching is on. Raises transport.Unreachable."""
        body = self._body(alerts)
        try:
            headers = {**self._headers, **self._credentials.header()}
        except OSError as error:
            raise transport.Unreachable(f"cannot read {error.filename}: {error.strerror}") from None
        if self._compress and len(body) >= _GZIP_FROM:
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return self._client.exchange("POST", self._path, headers, body)

    def reconnect(self) -> None:
        self._client.close()

    def _body(self, alerts: Sequence[bytes]) -> bytes:
        if self._form == "array":
            return b"[" + b",".join(alerts) + b"]"
        if self._form == "ndjson":
            return b"".join(alert + b"\n" for alert in alerts)
        return alerts[0]


def _read(name: str) -> str:
    try:
        with open(name, encoding="ascii") as file:
            text = file.read().strip()
    except UnicodeDecodeError:
        raise OSError(0, "it is not ASCII", name) from None
    if not text or any(c < " " for c in text):
        raise OSError(0, "it must hold one line of text", name)
    return text

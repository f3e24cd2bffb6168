"""HTTP for outputs that send alerts over the network: one connection, one exchange at a time, with
a bound on how long it takes as a whole.

Plain sockets in the output's own thread instead of an event loop: the loop would keep the
interpreter lock from the thread that reads the ring (see `pipeline.consumer`), and aiohttp costs
the process that runs for months 20 MB. http.client itself bounds only each single read, so a
receiver that sends a byte now and then would hold us for ever: `_Timed` bounds the sum.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib import parse

ANSWER_BYTES = 16_384
"""Read of an answer's body: enough for any explanation; a longer one costs us the connection."""


class Unreachable(Exception):
    """No answer: the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: names in lower case. body: the first ANSWER_BYTES."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Trust(Protocol):
    """Where TLS settings come from."""

    def context(self) -> ssl.SSLContext:
        """The one for the next connection. OSError (ssl.SSLError included) when there is none."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. total: from the first byte sent to the last one read, on top of connecting."""

    connect: float
    total: float


class Client:
    """Talks to one server, from one thread. base: `http://host[:port]` or `https://...`; its path is not used."""

    def __init__(self, base: str, trust: Trust | None, timeouts: Timeouts, *, keep_alive: bool = True) -> None:
        parts = parse.urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port
        self._trust = trust if parts.scheme == "https" else None
        self._timeouts = timeouts
        self._keep_alive = keep_alive
        self._connection: http.client.HTTPConnection | None = None

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Sends a request and waits for its answer. Raises Unreachable."""
        reused = self._connection is not None
        try:
            return self._attempt(method, path, headers, body)
        except Unreachable:
            # A kept connection that the server gave up meanwhile says nothing about the server: ask once more.
            if not reused:
                raise
        return self._attempt(method, path, headers, body)

    def close(self) -> None:
        """The next exchange opens a new connection, with TLS settings as they are then."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            connection = self._connection or self._connect()
            timed: Any = connection.sock
            timed.deadline = time.monotonic() + self._timeouts.total
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, _body(response))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(_reason(error)) from None
        if not self._keep_alive or response.will_close or not response.isclosed():
            self.close()
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._trust is not None:
            context = self._trust.context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeouts.connect, context=context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeouts.connect)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        connection.sock = _Timed(connection.sock)
        self._connection = connection
        return connection


def _body(response: http.client.HTTPResponse) -> bytes:
    body = response.read(ANSWER_BYTES)
    # Of a known length that ends exactly here; else this read finds the end, or too long a body.
    if not response.isclosed() and not response.read(1):
        response.close()
    return body


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "it closed the connection without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"its answer is not HTTP ({type(error).__name__})"
    if isinstance(error, OSError):
        return str(error.strerror or error.args[-1:] or type(error).__name__)
    return str(error)


class _Timed:
    """What http.client needs of a socket, with one deadline (time.monotonic) over all sends and reads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        while view:
            self.arm()
            view = view[self._sock.send(view) :]

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self, self._sock.makefile("rb", buffering=0)))

    def close(self) -> None:
        self._sock.close()

    def arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


class _TimedReader(io.RawIOBase):
    def __init__(self, timed: _Timed, raw: io.RawIOBase) -> None:
        self._timed = timed
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._timed.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class FileTrust:
    """TLS settings from files, read anew when one of them has changed (certificates get renewed).

    authorities: PEM files with the certificates to trust in place of the system's, and directories of such
    files; empty for the system's. client_cert, client_key: PEM files that we show. verify: False takes any server.
    """

    def __init__(
        self,
        authorities: tuple[str, ...] = (),
        client_cert: str | None = None,
        client_key: str | None = None,
        *,
        verify: bool = True,
    ) -> None:
        self._authorities = authorities
        self._client_cert, self._client_key = client_cert, client_key
        self._verify = verify
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Raises OSError when files cannot be used and none could before: in the middle of a renewal
        the certificate may already be new and the key still old, so what worked before is kept."""
        seen = self._stamp()
        if self._context is None or seen != self._seen:
            try:
                self._context = self._build()
                self._seen = seen
            except OSError:
                if self._context is None:
                    raise
        return self._context

    def _files(self) -> list[str]:
        found: list[str] = []
        for name in self._authorities:
            if os.path.isdir(name):
                found += sorted(entry.path for entry in os.scandir(name) if entry.is_file())
            else:
                found.append(name)
        return found

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        stamps = []
        for name in [*self._files(), *filter(None, (self._client_cert, self._client_key))]:
            with contextlib.suppress(OSError):
                status = os.stat(name)
                stamps.append((name, status.st_mtime_ns, status.st_ino))
        return tuple(stamps)

    def _build(self) -> ssl.SSLContext:
        context = ssl.create_default_context() if not self._authorities else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for name in self._files():
            _with_name(name, lambda name=name: context.load_verify_locations(cafile=name))
        if self._client_cert is not None:
            certificate = self._client_cert
            # The password callable keeps OpenSSL from asking the terminal when a key is encrypted.
            _with_name(
                certificate, lambda: context.load_cert_chain(certificate, self._client_key, password=lambda: b"")
            )
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _with_name(name: str, action: Any) -> None:
    """OpenSSL does not say which file it could not use."""
    try:
        action()
    except OSError as error:
        raise OSError(error.errno or 0, f"{name}: {error.strerror or error}") from None

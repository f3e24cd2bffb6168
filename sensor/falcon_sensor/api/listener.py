"""Accepts TLS connections for a web server, so that what fails before the first request is seen and bounded.

asyncio's own server drops failed handshakes without a word, and lets anybody keep any number of
connections open. Here they are counted by reason, the certificate is chosen for each connection,
and one that has shown no good token within `STRANGER_SECONDS` is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import weakref
from collections.abc import Callable
from typing import Final

from falcon_sensor.api import certificate
from falcon_sensor.api.refusals import Reason, Refusals

MOST_CONNECTIONS: Final = 64
"""The operator holds one or two. More wait in the kernel's queue."""

STRANGER_SECONDS: Final = 10.0
_HANDSHAKE_SECONDS: Final = 5.0
_BACKLOG: Final = 128
_WAIT_SECONDS: Final = 0.5
"""Between looks for the certificate while there is none."""


class Listener:
    """factory: makes the protocol of a connection (an aiohttp server)."""

    def __init__(
        self,
        factory: Callable[[], asyncio.Protocol],
        certificates: certificate.Certificate,
        refusals: Refusals,
    ) -> None:
        self._factory = factory
        self._certificates = certificates
        self._refusals = refusals
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._trusted: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._tasks: set[asyncio.Task[None]] = set()
        self.listening = False

    def trust(self, transport: asyncio.BaseTransport | None) -> None:
        """This connection has shown a good token: it may stay."""
        if transport is not None:
            self._trusted.add(transport)

    async def serve(self, host: str, port: int) -> None:
        """Until cancelled. host: empty for all addresses. Waits for a certificate before it listens. Raises OSError."""
        while self._certificates.context() is None:  # noqa: ASYNC110 (a file has no event)
            await asyncio.sleep(_WAIT_SECONDS)
        with _listen(host, port) as listening:
            self.listening = True
            loop = asyncio.get_running_loop()
            try:
                while True:
                    await self._room.acquire()
                    try:
                        connection, _ = await loop.sock_accept(listening)
                    except BaseException as error:
                        self._room.release()
                        if not isinstance(error, OSError):
                            raise
                        await asyncio.sleep(_WAIT_SECONDS)  # out of descriptors, most likely
                        continue
                    task = loop.create_task(self._welcome(connection))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            finally:
                self.listening = False
                for task in self._tasks:
                    task.cancel()

    async def _welcome(self, connection: socket.socket) -> None:
        closed = asyncio.Event()
        transport: asyncio.BaseTransport | None = None
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Watched(self._factory(), closed),
                connection,
                ssl=self._certificates.context(),
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STRANGER_SECONDS):
                    await closed.wait()
            if not closed.is_set() and transport not in self._trusted:
                transport.abort()
            await closed.wait()
        except (OSError, TimeoutError) as error:
            plain = isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST"
            self._refusals[Reason.PLAIN_HTTP if plain else Reason.TLS] += 1
        finally:
            if transport is None:
                connection.close()
            else:
                transport.close()
            self._room.release()


class _Watched(asyncio.Protocol):
    """Hands everything on, and tells when the connection has ended."""

    def __init__(self, served: asyncio.Protocol, closed: asyncio.Event) -> None:
        self._served = served
        self._closed = closed
        self.data_received = served.data_received  # type: ignore[method-assign]
        self.eof_received = served.eof_received  # type: ignore[method-assign]
        self.pause_writing = served.pause_writing  # type: ignore[method-assign]
        self.resume_writing = served.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._served.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed.set()
        self._served.connection_lost(error)


def _listen(host: str, port: int) -> socket.socket:
    """Both families where the machine has both."""
    dual = not host and socket.has_dualstack_ipv6()
    if dual:
        listening = socket.create_server(("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listening.setblocking(False)
    return listening

"""The socket: HTTP or HTTPS, with certificates that are read again when their files change."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

from falcon_hub.app import place
from falcon_hub.settings import model

_SHUTDOWN_SECONDS = 3.0
"""What open requests get at the end. Streams of the page never end by themselves."""
_LOOK_SECONDS = 60.0
"""How often certificates are looked at."""


@contextlib.asynccontextmanager
async def listening(application: web.Application, wanted: model.Listen) -> AsyncIterator[str]:
    """Takes connections; gives the address for people. Raises place.Refusal."""
    # Bodies are unpacked in `api.bodies`, with a bound and an answer for what cannot be.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, auto_decompress=False)
    await runner.setup()
    watch: asyncio.Task[None] | None = None
    try:
        context = _context(wanted.tls)
        site = web.TCPSite(runner, wanted.host, wanted.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            raise place.Refusal(f"cannot listen at {wanted.host} port {wanted.port}: {error.strerror}") from None
        if context is not None:
            watch = asyncio.create_task(_reload(context, wanted.tls))
        yield wanted.public_url or _address(runner, wanted)
    finally:
        if watch is not None:
            watch.cancel()
        await runner.cleanup()


def _address(runner: web.AppRunner, wanted: model.Listen) -> str:
    port = runner.addresses[0][1]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(wanted.host, wanted.host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if wanted.tls.cert else 'http'}://{host}:{port}/"


def _context(wanted: model.Tls) -> ssl.SSLContext | None:
    if not wanted.cert and not wanted.key:
        return None
    if not (wanted.cert and wanted.key):
        raise place.Refusal("listen.tls needs both cert and key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(wanted.cert, wanted.key)
    except (OSError, ssl.SSLError) as error:
        raise place.Refusal(f"listen.tls: {wanted.cert}, {wanted.key}: {error.strerror or error}") from None
    return context


async def _reload(context: ssl.SSLContext, wanted: model.Tls) -> None:
    """New connections get the new certificate; a pair that does not fit (yet) leaves the old one."""
    seen = _stamps(wanted)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if (now := _stamps(wanted)) != seen:
            with contextlib.suppress(OSError, ssl.SSLError):
                context.load_cert_chain(wanted.cert, wanted.key)
                seen = now


def _stamps(wanted: model.Tls) -> list[tuple[int, int]]:
    found = []
    for path in (wanted.cert, wanted.key):
        with contextlib.suppress(OSError):
            state = os.stat(path)
            found.append((state.st_mtime_ns, state.st_ino))
    return found

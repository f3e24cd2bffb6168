"""TLS of sinks that speak HTTP: private authorities, certificates to show, and nobody who is not who it should be."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.hub.sinks import support
from tests.sensor.outputs.support import certificates

from falcon_hub.sinks import base, registry


@contextlib.asynccontextmanager
async def _https(context: ssl.SSLContext) -> AsyncIterator[str]:
    async def take(_request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/", take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://localhost:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _context(signer: certificates.Authority, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*signer.issue(name))
    return context


async def _send(url: str, **tls: Any) -> base.Outcome:
    chosen = support.wanted("webhook", url=url, tls=tls, timeout_seconds=20)
    sink = registry.make(chosen)
    try:
        return await sink.send([support.message(sink, chosen, support.alert())])
    finally:
        await sink.close()


async def test_a_private_authority(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    async with _https(_context(signer)) as url:
        assert await _send(url, ca_cert=str(signer.file)) == base.Outcome(1)
        stranger = await _send(url)
        assert stranger.failure is not None
        assert "not trusted" in str(stranger.failure)
        assert await _send(url, insecure_skip_verify=True) == base.Outcome(1)


async def test_another_name_is_not_trusted(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    async with _https(_context(signer, "elsewhere.example")) as url:
        outcome = await _send(url, ca_cert=str(signer.file))
    assert outcome.failure is not None


async def test_a_certificate_to_show(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    context = _context(signer)
    context.load_verify_locations(signer.file)
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = signer.issue("hub")
    async with _https(context) as url:
        shown = {"client_cert": str(certificate), "client_key": str(key)}
        assert await _send(url, ca_cert=str(signer.file), **shown) == base.Outcome(1)
        outcome = await _send(url, ca_cert=str(signer.file))
    assert outcome.failure is not None


@pytest.mark.parametrize("option", ["ca_cert", "client_cert"])
async def test_a_file_that_is_not_there_is_a_failure_that_names_no_address(option: str) -> None:
    outcome = await _send("https://localhost:1/", **{option: "/no/such/file"})
    assert outcome.failure is not None
    assert "No such file" in str(outcome.failure)

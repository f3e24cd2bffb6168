"""Alertmanager's sink against Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.hub.sinks import support

from falcon_hub.sinks import base, registry

CONFIG = "route: {receiver: nobody, group_by: [alertname]}\nreceivers: [{name: nobody}]\n"


@contextlib.asynccontextmanager
async def alertmanager(directory: Path) -> AsyncIterator[str]:
    (directory / "config.yml").write_text(CONFIG)
    address = f"127.0.0.1:{support.free_port()}"
    process = await asyncio.create_subprocess_exec(
        "prometheus-alertmanager",
        f"--config.file={directory / 'config.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _answers(f"http://{address}/-/ready", process)
        yield f"http://{address}"
    finally:
        process.kill()
        await process.wait()


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def _alerts(url: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v2/alerts") as answer:
        found: list[dict[str, Any]] = await answer.json()
        return found


async def test_alerts_arrive_and_the_same_twice_is_one(tmp_path: Path) -> None:
    async with alertmanager(tmp_path) as url:
        chosen = support.wanted("alertmanager", url=url, expires_seconds=600)
        sink = registry.make(chosen)
        pods = [support.alert(n, fields=support.FIELDS | {"k8s.pod.name": f"pod-{n}"}) for n in range(3)]
        batch = [support.message(sink, chosen, each, "https://hub.example/?alert={uuid}") for each in pods]
        assert await sink.send(batch) == base.Outcome(3)
        assert await sink.send(batch) == base.Outcome(3)
        found = await _alerts(url)
        await sink.close()
    assert sorted(each["labels"]["pod"] for each in found) == ["pod-0", "pod-1", "pod-2"]
    assert {each["labels"]["alertname"] for each in found} == {"Terminal shell in container"}
    assert {each["status"]["state"] for each in found} <= {"active", "unprocessed"}
    one = next(each for each in found if each["labels"]["pod"] == "pod-0")
    assert one["annotations"]["description"] == "A shell was spawned number=00000"
    assert one["startsAt"] == "2026-11-24T06:00:00.123Z"
    assert one["generatorURL"].endswith(pods[0].uuid)


@pytest.mark.parametrize("field", ["proc.aname[2]", "0.field", "ünïcode.field", "a..b__c"])
async def test_it_takes_the_labels_made_of_any_field(tmp_path: Path, field: str) -> None:
    async with alertmanager(tmp_path) as url:
        chosen = support.wanted("alertmanager", url=url, labels=[field])
        sink = registry.make(chosen)
        alert = support.alert(fields={field: "value"}, output="\x00\ud7ff" * 10)
        assert await sink.send([support.message(sink, chosen, alert)]) == base.Outcome(1)
        (found,) = await _alerts(url)
        await sink.close()
    assert "value" in found["labels"].values()


async def test_an_alert_of_a_clock_that_runs_ahead_is_taken(tmp_path: Path) -> None:
    """Alertmanager refuses what ends before it begins, and with it whatever is in the same request."""
    async with alertmanager(tmp_path) as url:
        chosen = support.wanted("alertmanager", url=url, expires_seconds=60)
        sink = registry.make(chosen)
        ahead = support.alert(time_ns=time.time_ns() + 86_400 * 10**9)
        assert await sink.send([support.message(sink, chosen, ahead)]) == base.Outcome(1)
        await sink.close()

"""`falcon-hub serve`, killed in the middle with -9, again and again: what it accepted arrives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yaml
from tests.hub.sinks import support

COUNT = 600
BATCH = 30


@contextlib.asynccontextmanager
async def _hub(config: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "falcon_hub", "serve", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(200):
            while True:
                assert process.returncode is None
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/ping") as answer:
                        if answer.status == 200:
                            break
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _send(port: int, token: str, numbers: range) -> bool:
    """Whether they were accepted."""
    body = json.dumps([support.alert(number).to_json() for number in numbers])
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with contextlib.suppress(aiohttp.ClientError):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/", data=body, headers=headers) as answer,
        ):
            return answer.status == 200
    return False


def _has(receiver: support.Receiver, uuid: str) -> bool:
    """It comes last."""
    return any(uuid in seen.body for seen in receiver.taken[-5:])


async def test_killed_in_the_middle_nothing_accepted_is_missing(tmp_path: Path) -> None:
    port = support.free_port()
    async with support.receiving() as hook, support.receiving() as search, support.receiving() as pager:
        search.otherwise = support.bulk()
        pager.otherwise = lambda _seen: (202, {}, "{}")
        sinks = [
            {"name": "hook", "type": "webhook", "url": f"{hook.url}/"},
            {"name": "search", "type": "elasticsearch", "url": search.url, "batch": 70},
            {
                "name": "pager",
                "type": "pagerduty",
                "url": pager.url,
                "routing_key": support.SECRET,
                "rate_limit": {"messages": 100_000},
            },
        ]
        config = tmp_path / "hub.yaml"
        (tmp_path / "token").write_text("a-token-for-the-test-of-kills\n")
        settings = {
            "data_dir": str(tmp_path / "data"),
            "listen": {"port": port},
            "ingest": {"token_file": str(tmp_path / "token")},
            "sinks": sinks,
        }
        config.write_text(yaml.safe_dump(settings))
        waiting = [range(start, start + BATCH) for start in range(0, COUNT, BATCH)]
        for share in (0.25, 0.6):
            async with _hub(config, port) as process:
                while len(waiting) > (1 - share) * COUNT / BATCH:
                    if await _send(port, "a-token-for-the-test-of-kills", waiting[0]):
                        waiting.pop(0)
                # What was accepted last is on its way now.
                process.kill()
                await process.wait()
        async with _hub(config, port):
            while waiting:
                if await _send(port, "a-token-for-the-test-of-kills", waiting[0]):
                    waiting.pop(0)
            last = support.alert(COUNT - 1).uuid
            async with asyncio.timeout(400):
                while not all(_has(each, last) for each in (hook, search, pager)):  # noqa: ASYNC110 (nothing tells)
                    await asyncio.sleep(0.1)
    wanted = [support.alert(number).uuid for number in range(COUNT)]
    hooked = [seen.json["uuid"] for seen in hook.taken]
    assert list(dict.fromkeys(hooked)) == wanted
    # By the keys that these receivers go by, each is there once.
    documents = [json.loads(line)["create"]["_id"] for seen in search.taken for line in seen.body.splitlines()[::2]]
    assert list(dict.fromkeys(documents)) == wanted
    assert list(dict.fromkeys(seen.json["dedup_key"] for seen in pager.taken)) == wanted
    # What is sent again is what a tenth of a second holds, not everything.
    assert len(hooked) < 2 * COUNT
    assert all(re.fullmatch(r"[0-9a-f-]{36}", each) for each in documents)

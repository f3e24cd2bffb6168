"""Two hubs on one PostgreSQL database: both take and show, one delivers; killed, the other goes on where it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from tests.hub.sinks import support as sinks
from tests.hub.support import made
from tests.hub.support.process import SECONDS, Hub
from tests.hub.support.senders import Senders, sending, shown

from falcon_hub.store import store

READER = "a-token-of-a-reader"
TAKES_OVER = "this hub sends to the sinks from now on"
WAITS = "another hub on this database sends to the sinks"


class Pair:
    """Two hubs with the same settings, and the receiver of their one sink."""

    def __init__(self, folder: Path, url: str, receiver: sinks.Receiver) -> None:
        self.url, self.receiver = url, receiver
        sink = json.dumps([{"name": "hook", "type": "webhook", "url": receiver.url, "start": "beginning", "batch": 50}])
        readers = f'access.reader_tokens=[{{name: test, token: "{READER}"}}]'
        options = (f"store.url={url}", f"sinks={sink}", readers, "access.first_admin_password=only for this test")
        self.first, self.second = (Hub(folder / name, *options) for name in ("first", "second"))

    async def start(self) -> None:
        """The first one leads."""
        for each in (self.first, self.second):
            await asyncio.to_thread(each.start)
        assert WAITS in self.second.said()
        assert WAITS not in self.first.said()

    @property
    def uuids(self) -> list[str]:
        return [each["uuid"] for seen in self.receiver.taken for each in seen.json]

    async def stop(self) -> None:
        for each in (self.first, self.second):
            await asyncio.to_thread(each.stop)

    async def in_order(self) -> list[str]:
        """All that were accepted, as the database has them."""
        async with await store.Store.open(self.url) as kept:
            return [each.alert.uuid for each in await kept.after(0, 100_000)]


@pytest.fixture
async def pair(tmp_path: Path, postgresql_url: str) -> AsyncIterator[Pair]:
    async with sinks.receiving() as receiver:
        found = Pair(tmp_path, postgresql_url, receiver)
        try:
            await found.start()
            yield found
        finally:
            await found.stop()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(4 * SECONDS):
        while not holds():  # noqa: ASYNC110 (other processes tell of nothing)
            await asyncio.sleep(0.05)


async def test_the_leader_killed_twice_everything_arrives_and_is_shown_once(pair: Pair):
    ports = pair.first.port, pair.second.port
    tokens = pair.first.token, pair.second.token
    async with (
        sending(Senders(ports[0], tokens[0])) as to_first,
        sending(Senders(ports[1], tokens[1], first=1_000_000)) as to_second,
    ):
        await to_first.until(200)
        await to_second.until(200)
        pair.first.kill()
        before = len(to_second.accepted)
        await _until(lambda: TAKES_OVER in pair.second.said())
        await to_second.until(before + 200)
        await asyncio.to_thread(pair.first.start, ports[0])
        assert pair.first.said().count(WAITS) == 1
        await to_first.until(len(to_first.accepted) + 200)
        pair.second.kill()
        await _until(lambda: TAKES_OVER in pair.first.said())
        await to_first.until(len(to_first.accepted) + 200)
        to_second.stop()
    accepted = to_first.accepted | to_second.accepted
    await _until(lambda: accepted <= set(pair.uuids))
    await pair.stop()
    # In order, none left out; what comes again is what the killed one had not noted.
    delivered = pair.uuids
    stored = await pair.in_order()
    once = list(dict.fromkeys(delivered))
    assert once == stored[: len(once)]
    found = await shown(pair.url)
    assert len(found) == len(set(found))
    assert accepted <= set(found)


async def test_both_take_and_show_one_delivers_and_hands_over_when_it_ends(pair: Pair):
    await _each_says_whether_it_leads(pair)
    await _each_shows_live_what_the_other_took(pair)
    async with sending(Senders(pair.second.port, pair.second.token, first=100)) as senders:
        await senders.until(100)
        assert await asyncio.to_thread(pair.first.stop) == 0
        await _until(lambda: TAKES_OVER in pair.second.said())
        await senders.until(len(senders.accepted) + 100)
    await _until(lambda: senders.accepted <= set(pair.uuids))
    # Ended as usual, nothing comes twice.
    assert len(pair.uuids) == len(set(pair.uuids))


async def _each_says_whether_it_leads(pair: Pair) -> None:
    for hub, leads, state in ((pair.first, 1, "idle"), (pair.second, 0, "standby")):
        assert await asyncio.to_thread(hub.metric, "falcon_hub_leader") == leads
        status, answer = await asyncio.to_thread(hub.ask, "/api/v1/sinks", None, READER)
        assert (status, [each["state"] for each in json.loads(answer)["sinks"]]) == (200, [state])
        text = (await asyncio.to_thread(hub.ask, "/metrics"))[1].decode()
        assert ("falcon_hub_sink_behind_alerts{" in text) is bool(leads)


async def _each_shows_live_what_the_other_took(pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {READER}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(4 * SECONDS):
        for number, (taking, showing) in enumerate([(pair.first, pair.second), (pair.second, pair.first)]):
            async with session.get(showing.address + "api/v1/stream") as stream:
                assert stream.status == 200
                await stream.content.readuntil(b"\n\n")
                alert = made.alert(number)
                assert (await asyncio.to_thread(taking.ask, "/", [alert.to_json()]))[0] == 200
                while alert.uuid.encode() not in await stream.content.readuntil(b"\n\n"):
                    pass

"""What was accepted is there, once, whatever happens to the hub or its database: killed, disk full, server restarted.

Senders do what a sensor does: they send an alert until it is accepted, and again when they cannot know.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.hub.support import made, postgresql
from tests.hub.support.process import SECONDS, Hub

from falcon_hub.store import filters, store

LARGE = "x" * 3000


class Senders:
    """Several at once, each with one request under way. accepted: uuids answered with 200."""

    def __init__(self, port: int, token: str, batch: int = 5, filling: str = "") -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._batch, self._filling = batch, filling
        self._number = 0
        self._stop = asyncio.Event()
        self._answered = asyncio.Condition()
        self.accepted: set[str] = set()
        self.refusals: list[int] = []
        self.statuses: set[int] = set()

    async def run(self, count: int = 8) -> None:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            await asyncio.gather(*(self._send(session) for _ in range(count)))

    async def until(self, number: int) -> None:
        """That many are accepted."""
        await self._when(lambda: len(self.accepted) >= number)

    async def until_refused(self) -> None:
        before = len(self.refusals)
        await self._when(lambda: len(self.refusals) > before)

    async def _when(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self._answered:
            await self._answered.wait_for(condition)

    def stop(self) -> None:
        self._stop.set()

    async def _send(self, session: aiohttp.ClientSession) -> None:
        while not self._stop.is_set():
            numbers = range(self._number, self._number + self._batch)
            self._number += self._batch
            alerts = [made.alert(number, output=f"number={number} {self._filling}") for number in numbers]
            while not await self._post(session, [each.to_json() for each in alerts]):
                await self._tell()
                if self._stop.is_set():
                    return
                await asyncio.sleep(0.02)
            self.accepted.update(each.uuid for each in alerts)
            await self._tell()

    async def _tell(self) -> None:
        async with self._answered:
            self._answered.notify_all()

    async def _post(self, session: aiohttp.ClientSession, documents: list[dict[str, object]]) -> bool:
        try:
            async with session.post(self._url, json=documents) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            self.refusals.append(0)
            return False
        if answer.status != 200:
            self.refusals.append(answer.status)
        return answer.status == 200


@contextlib.asynccontextmanager
async def sending(senders: Senders) -> AsyncIterator[Senders]:
    task = asyncio.create_task(senders.run())
    try:
        yield senders
    finally:
        senders.stop()
        await task


async def shown(url: str) -> list[str]:
    """uuids of all alerts in the store, page after page, as the page reads them."""
    found: list[str] = []
    async with await store.Store.open(url) as kept:
        before: str | None = None
        while True:
            page = await kept.page(filters.Filter(), before, limit=1000)
            found += [each.alert.uuid for each in page.rows]
            if page.next is None:
                return found
            before = page.next


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made_hub = Hub(tmp_path)
    yield made_hub
    made_hub.stop()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small one."""
    found = Disk(tmp_path / "disk")
    yield found
    found.remove()


class Disk:
    """Memory that is full after 6 MiB, until it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True)
        if made.returncode != 0:
            pytest.skip("needs the right to mount a tmpfs: run the tests as root")

    def grow(self) -> None:
        subprocess.run(["mount", "-o", "remount,size=60m", str(self.folder)], check=True)

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


async def test_killed_under_load_everything_accepted_is_shown_exactly_once(hub: Hub):
    await asyncio.to_thread(hub.start)
    port = hub.port
    async with sending(Senders(port, hub.token)) as senders:
        for number in (500, 1000, 1500):
            await senders.until(number)
            hub.kill()
            await asyncio.to_thread(hub.start, port)
        await senders.until(2000)
    assert hub.stop() == 0
    found = await shown(f"sqlite:///{hub.folder / 'data' / 'hub.db'}")
    assert len(found) == len(set(found))
    assert senders.accepted <= set(found)
    assert 0 in senders.refusals


async def test_a_full_disk_refuses_and_loses_nothing_and_goes_on_when_there_is_room(tmp_path: Path, disk: Disk):
    hub = Hub(tmp_path, f"store.url=sqlite:///{disk.folder / 'hub.db'}")
    try:
        await asyncio.to_thread(hub.start)
        async with sending(Senders(hub.port, hub.token, filling=LARGE)) as senders:
            await senders.until_refused()
            assert set(senders.refusals) == {503}
            several = [made.alert(10**6 + number, output=LARGE * 10).to_json() for number in range(100)]
            status, answer = await asyncio.to_thread(hub.ask, "/", several)
            assert (status, b"full" in answer) == (503, True)
            before = len(senders.accepted)
            disk.grow()
            await senders.until(before + 200)
            assert (await asyncio.to_thread(hub.ask, "/readyz"))[0] == 200
        assert hub.stop() == 0
        found = await shown(f"sqlite:///{disk.folder / 'hub.db'}")
        assert len(found) == len(set(found))
        assert senders.accepted <= set(found)
    finally:
        hub.stop()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
async def test_a_database_server_that_goes_and_comes_back_costs_nothing(tmp_path: Path, how: signal.Signals):
    programs = postgresql.binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL (Debian's package postgresql; `make setup` installs it)")
    server = await asyncio.to_thread(postgresql.Server, programs)
    hub = Hub(tmp_path, f"store.url={server.dsn('postgres')}")
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(hub.start)
        async with sending(Senders(hub.port, hub.token)) as senders:
            await senders.until(300)
            await asyncio.to_thread(server.stop, how)
            await senders.until_refused()
            assert (await asyncio.to_thread(hub.ask, "/readyz"))[0] == 503
            assert (await asyncio.to_thread(hub.ask, "/livez"))[0] == 200
            before = len(senders.accepted)
            await asyncio.to_thread(server.start)
            await senders.until(before + 300)
        assert set(senders.refusals) == {503}
        assert hub.stop() == 0
        found = await shown(server.dsn("postgres"))
        assert len(found) == len(set(found))
        assert senders.accepted <= set(found)
    finally:
        hub.stop()
        server.remove()

"""What was accepted is there, once, whatever happens to hub or database: killed, disk full, server restarted."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub.support import made, postgresql
from tests.hub.support.process import Hub
from tests.hub.support.senders import Senders, sending, shown

LARGE = "x" * 3000


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
            status, answer = await asyncio.to_thread(_refused, hub)
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


def _refused(hub: Hub) -> tuple[int, bytes]:
    """What is said when there is no room. The log that was carried into the tables in between has some again."""
    for first in itertools.count(10**6, 100):
        several = [made.alert(number, output=LARGE * 10).to_json() for number in range(first, first + 100)]
        status, answer = hub.ask("/", several)
        if status != 200:
            return status, answer
    raise AssertionError


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

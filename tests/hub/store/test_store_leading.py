"""Which of several hubs on a database leads."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import psycopg
from tests.hub.support import made

from falcon_hub.app import keeping
from falcon_hub.settings import model
from falcon_hub.store import leading, store

SECONDS = 120.0


async def test_one_leads_and_the_next_when_it_has_left(postgresql_url: str):
    async with asyncio.timeout(SECONDS), contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        leader = await first.enter_async_context(leading.elected(postgresql_url))
        others = [await stack.enter_async_context(leading.elected(postgresql_url)) for _ in range(2)]
        assert [leader.leads, *(each.leads for each in others)] == [True, False, False]
        waiting = [asyncio.create_task(each.wait(True)) for each in others]
        await first.aclose()
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        assert sorted(each.leads for each in others) == [False, True]
        for task in rest:
            task.cancel()


async def test_a_leader_whose_connection_breaks_knows_it_and_may_lead_again(postgresql_url: str):
    async with asyncio.timeout(SECONDS), leading.elected(postgresql_url) as leader:
        assert leader.leads
        lost = asyncio.create_task(leader.wait(False))
        await asyncio.sleep(0)
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            await _taken(connection)
            await lost
            assert not leader.leads
        await leader.wait(True)


async def _taken(connection: psycopg.Connection[Any]) -> None:
    """Cuts the leader's connection until the lock is somebody else's."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'falcon-hub leader'"
    while connection.execute("SELECT pg_try_advisory_lock(%s)", [leading._LOCK]).fetchone() != (True,):
        connection.execute(cut + " AND datname = current_database()")
        await asyncio.sleep(0.01)


async def test_with_sqlite_there_is_but_one_and_it_leads(tmp_path):
    async with leading.elected(f"sqlite:///{tmp_path / 'hub.db'}") as leader:
        await leader.wait(True)
        assert leader.leads


class Told:
    """A leader as a test says."""

    def __init__(self) -> None:
        self._leads = asyncio.Event()
        self.asked = asyncio.Event()

    @property
    def leads(self) -> bool:
        return self._leads.is_set()

    async def wait(self, leads: bool) -> None:
        assert leads
        self.asked.set()
        await self._leads.wait()

    def lead(self) -> None:
        self._leads.set()


async def test_only_the_leader_removes_what_is_old(kept: store.Store):
    await kept.add([made.alert(1)])
    leader = Told()
    wanted = model.Retention(max_age_days=1e-9)
    async with asyncio.timeout(SECONDS), keeping.keeping(kept, wanted, lambda text: None, leader):
        await leader.asked.wait()
        assert len(await kept.after(0, 10)) == 1
        leader.lead()
        while await kept.after(0, 10):  # noqa: ASYNC110 (the store tells of nothing that goes)
            await asyncio.sleep(0.02)

"""Senders that do what a sensor does: they send an alert until it is accepted, and again when they cannot know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import aiohttp
from tests.hub.support import made
from tests.hub.support.process import SECONDS

from falcon_hub.store import filters, store


class Senders:
    """Several at once, each with one request under way. first: number of the first alert. accepted: uuids answered with
    200."""

    def __init__(self, port: int, token: str, batch: int = 5, filling: str = "", first: int = 0) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._batch, self._filling = batch, filling
        self._number = first
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

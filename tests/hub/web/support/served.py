"""The hub's API and page, really served on a port of its own over a store of its own, from a thread of the test.

Tests talk to it through a browser or HTTP; `ask` reaches its store, to arrange what a page should show.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web as aiohttp_web

from falcon_hub import alerts
from falcon_hub.access import access, passwords
from falcon_hub.settings import model
from falcon_hub.store import records, store
from falcon_hub.web import routes

T = TypeVar("T")

ADMIN = ("ada", "correct horse battery")
VIEWER = ("vic", "staple looks at clouds")
_SECONDS = 60
"""For anything a test waits for; a loaded machine needs it."""


class Served:
    """url: without a slash at the end. sinks: what GET /sinks tells, as the page's `Sink`."""

    def __init__(
        self, url: str, kept: store.Store, loop: asyncio.AbstractEventLoop, sinks: list[dict[str, Any]]
    ) -> None:
        self.url, self.store, self.sinks = url, kept, sinks
        self._loop = loop

    def ask(self, act: Callable[[store.Store], Awaitable[T]]) -> T:
        async def run() -> T:
            return await act(self.store)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_SECONDS)

    def add(self, *found: alerts.Alert) -> None:
        self.ask(lambda kept: kept.add(found))

    def audit(self) -> Sequence[records.AuditEntry]:
        return self.ask(lambda kept: kept.accounts.audit())


@contextlib.contextmanager
def served(folder: Path, port: int = 0) -> Iterator[Served]:
    """With two users, ADMIN and VIEWER."""
    ready: concurrent.futures.Future[Served] = concurrent.futures.Future()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, port, ready, stop)), daemon=True)
    thread.start()
    try:
        yield ready.result(_SECONDS)
    finally:
        stop.set()
        thread.join(_SECONDS)
        assert not thread.is_alive()


async def _serve(folder: Path, port: int, ready: concurrent.futures.Future[Served], stop: threading.Event) -> None:
    try:
        async with await store.Store.open(f"sqlite:///{folder / 'hub.db'}") as kept:
            for (name, password), role in ((ADMIN, "admin"), (VIEWER, "viewer")):
                await kept.accounts.put_user(records.User(name, role, _hash(password), 0))
            sinks: list[dict[str, Any]] = []

            async def states() -> list[dict[str, Any]]:
                return sinks

            application = aiohttp_web.Application()
            door = access.Access(kept.accounts, model.Access(attempts_per_minute=100))
            routes.add(application, kept, door, states)
            runner = aiohttp_web.AppRunner(application, shutdown_timeout=0.1)
            await runner.setup()
            await aiohttp_web.TCPSite(runner, "127.0.0.1", port).start()
            ready.set_result(
                Served(f"http://127.0.0.1:{runner.addresses[0][1]}", kept, asyncio.get_running_loop(), sinks)
            )
            try:
                await asyncio.to_thread(stop.wait)
            finally:
                await runner.cleanup()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise


_HASHES: dict[str, str] = {}


def _hash(password: str) -> str:
    """Hashing is slow on purpose; once per run is enough."""
    if password not in _HASHES:
        _HASHES[password] = passwords.hashed(password)
    return _HASHES[password]

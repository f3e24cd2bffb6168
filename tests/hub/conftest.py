"""The databases that the hub's tests run on: SQLite in a folder, and a real PostgreSQL server where there is one."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.hub.support import postgresql

from falcon_hub.store import store


@pytest.fixture(scope="session")
def _shared_server() -> Iterator[postgresql.Server | None]:
    programs = postgresql.binaries()
    if programs is None:
        yield None
        return
    server = postgresql.Server(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgresql_url(_shared_server: postgresql.Server | None) -> Iterator[str]:
    """A database of the test's own."""
    if _shared_server is None:
        pytest.skip("needs PostgreSQL (Debian's package postgresql; `make setup` installs it)")
    with _shared_server.database(f"test-{uuid.uuid4()}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@pytest.fixture
async def kept(url: str) -> AsyncIterator[store.Store]:
    """A store on each kind of database."""
    async with await store.Store.open(url) as opened:
        yield opened

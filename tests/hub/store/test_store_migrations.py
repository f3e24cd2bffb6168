"""The migrations make the tables that the code knows, and refuse what they do not know."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from falcon_hub.store import database, migrating, records, schema, store

BESIDES = {"alembic_version", "searched", "alerts_by_text"}
"""What only one kind of database has: SQLite's text index (alerts_text...), PostgreSQL's column."""


def _names(difference) -> set[str]:
    return {getattr(each, "name", "") for each in difference if hasattr(each, "name")}


async def test_the_steps_make_the_tables_of_the_schema(url: str):
    async with await store.Store.open(url):
        pass
    engine = database.writer(database.url(url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    engine.dispose()
    left = [
        each
        for each in differences
        if not any(name in BESIDES or str(name).startswith("alerts_text") for name in _names(each))
    ]
    assert left == []


async def test_opening_again_changes_nothing_and_several_at_once_take_turns(url: str):
    for _ in range(2):
        stores = await asyncio.gather(*(store.Store.open(url) for _ in range(3)))
        for each in stores:
            await each.close()


async def test_a_database_of_a_newer_version_is_refused(url: str):
    async with await store.Store.open(url) as kept:
        await kept.write(
            lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num='9999'")) and None
        )
    with pytest.raises(migrating.MigrationError, match="another version"):
        await store.Store.open(url)


@pytest.mark.parametrize("text", ["mysql://x", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_a_url_that_cannot_be_meant_is_refused(text: str):
    with pytest.raises(database.BadUrl):
        database.url(text)


async def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(records.Unavailable, match="refused"):
        await store.Store.open("postgresql://falcon@127.0.0.1:1/x")

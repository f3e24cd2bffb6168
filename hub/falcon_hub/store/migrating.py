"""Brings the tables to the state this version needs, at every start. Alembic's migrations, in `migrations`."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import alembic.config
import alembic.runtime.migration
import alembic.script
import alembic.util
import sqlalchemy as sa

from falcon_hub.store import database, reading

_HERE = Path(__file__).parent / "migrations"


class MigrationError(Exception):
    """The database is of a version that this one does not know."""


def upgrade(location: sa.URL) -> int:
    """Migrates; returns the number of the last alert. Raises MigrationError, Unavailable."""
    engine = database.writer(location)
    try:
        with engine.begin() as connection:
            _migrate(connection)
        with engine.connect() as connection:
            return reading.last_seq(connection)
    except sa.exc.SQLAlchemyError as error:
        raise (database.unavailable(error) or error) from None
    finally:
        engine.dispose()


def state(location: sa.URL) -> tuple[str | None, str]:
    """The version the database has, None when it has none, and the one this program wants."""
    engine = database.writer(location)
    try:
        with engine.connect() as connection:
            return alembic.runtime.migration.MigrationContext.configure(connection).get_current_revision(), _head()
    except sa.exc.SQLAlchemyError as error:
        raise (database.unavailable(error) or error) from None
    finally:
        engine.dispose()


def _migrate(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Replicas that start together take turns, and a large table takes its time.
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('falcon-hub migrations'))"))
    config = _config()
    config.attributes["connection"] = connection
    try:
        alembic.command.upgrade(config, "head")
    except alembic.util.CommandError as error:
        raise MigrationError(
            f"the database was made by another version of falcon-hub ({error}); use that one, or another database"
        ) from None


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_HERE))
    return config


def _head() -> str:
    return str(alembic.script.ScriptDirectory.from_config(_config()).get_current_head())

"""What Alembic runs: the steps, on the connection and in the transaction that `migrating` opened."""

from __future__ import annotations

from alembic import context

from falcon_hub.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()

"""Alerts by minute and priority, counted from those that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "minutes",
        sa.Column("minute", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("priority", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("alerts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "priority"),
    )
    # Whole numbers in both databases.
    op.execute(
        "INSERT INTO minutes (minute, priority, alerts) "
        "SELECT time_ns / 60000000000, priority, COUNT(*) FROM alerts GROUP BY 1, 2"
    )

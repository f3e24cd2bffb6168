"""What SQLite and PostgreSQL do differently: full-text search, and keeping other writers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from falcon_hub.store import filters, schema

_ADVISORY = 0x66616C636F6E
"""PostgreSQL's advisory lock of whoever adds alerts ("falcon" in ASCII)."""

_ROW_BYTES = 700
"""Of an alert beside its long texts: columns and the indexes on them. `make bench-hub` at a million alerts in SQLite:
1,624 bytes each on disk, 1,675 by this."""


def only_writer(connection: sa.Connection) -> None:
    """Until the transaction ends nobody else adds alerts, so that numbers become visible in order: a reader that has
    seen seq 7 will never find a new 6. In SQLite every write transaction is alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))


_INDEX = sa.text(
    "INSERT INTO alerts_text (rowid, rule, output, hostname, words) VALUES (:seq, :rule, :output, :hostname, :words)"
)
_WITH_TEXT = sa.table(
    "alerts", *(sa.column(each.name, each.type) for each in schema.alerts.c), sa.column("searched", sa.Text)
)
_SEPARATOR = " falconseparator "
"""Stands between two columns in PostgreSQL's one text, so that no run of words reaches over."""


def insert_alerts(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Stores rows and makes them findable by their words."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.insert(schema.alerts), rows)
        connection.execute(_INDEX, list(rows))
        return
    statement = sa.insert(_WITH_TEXT).values(
        {column.name: sa.bindparam(column.name) for column in schema.alerts.c}
        | {"searched": sa.func.to_tsvector("simple", sa.bindparam("search_text"))}
    )
    connection.execute(statement, [{**row, "search_text": _search_text(row)} for row in rows])


def delete_alerts(connection: sa.Connection, through: int) -> int:
    """Removes all alerts up to this number; returns how many."""
    if connection.dialect.name == "sqlite":
        # The text's index refers to the table, and wants to be told what stood there.
        connection.execute(
            sa.text(
                "INSERT INTO alerts_text (alerts_text, rowid, rule, output, hostname, words) "
                "SELECT 'delete', seq, rule, output, hostname, words FROM alerts WHERE seq <= :through"
            ),
            {"through": through},
        )
    return connection.execute(sa.delete(schema.alerts).where(schema.alerts.c.seq <= through)).rowcount


DISK_BYTES = (
    sa.func.length(schema.alerts.c.output) * 2
    + sa.func.length(schema.alerts.c.words) * 2
    + sa.func.length(schema.alerts.c.fields)
    + _ROW_BYTES
)
"""The same as `disk_bytes`, of a row in the table."""


def disk_bytes(row: Mapping[str, Any]) -> int:
    """About what one alert takes on disk, indexes included."""
    return _ROW_BYTES + len(row["fields"]) + 2 * (len(row["output"]) + len(row["words"]))


Bounds = tuple[int, int]
"""The least and the greatest number that alerts of a time can have: what is searched, is searched there only."""
_ROWID = sa.literal_column("rowid", sa.Integer)


def has_words(dialect: str, words: Sequence[tuple[str, ...]], bounds: Bounds | None = None) -> sa.ColumnElement[bool]:
    """Rows in which all of these runs of words stand, the last word of each as a beginning."""
    if dialect == "sqlite":
        return schema.alerts.c.seq.in_(_matching(words, bounds))
    match = " & ".join("(" + " <-> ".join((*run[:-1], f"{run[-1]}:*")) + ")" for run in words)
    return sa.literal_column("alerts.searched").op("@@")(sa.func.to_tsquery("simple", match))


def many_have(connection: sa.Connection, words: Sequence[tuple[str, ...]], many: int) -> bool:
    """Whether at least so many rows have these words, where the answer makes a difference: PostgreSQL knows by itself
    how to find the newest of many."""
    if connection.dialect.name != "sqlite" or not words:
        return False
    some = _matching(words, None).limit(many).subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one() >= many


def _matching(words: Sequence[tuple[str, ...]], bounds: Bounds | None) -> sa.Select[Any]:
    match = " AND ".join('"' + " ".join(run) + '"*' for run in words)
    found = sa.select(_ROWID).select_from(sa.table("alerts_text"))
    found = found.where(sa.literal_column("alerts_text", sa.Text).op("MATCH")(match))
    return found if bounds is None else found.where(_ROWID.between(*bounds))


def field(dialect: str, name: str) -> sa.ColumnElement[str]:
    """The value of one of `output_fields` as text; JSON for what is no text, as `filters.field_text` has it."""
    column = schema.alerts.c.fields
    if dialect == "sqlite":
        # Not json_extract: its paths cannot name a member with a quote in its name.
        member = sa.func.json_each(column).table_valued("key", "value", "type")
        kind = member.c.type
        value = sa.case((kind.in_(("true", "false")), kind), else_=sa.cast(member.c.value, sa.Text))
        return sa.select(value).where(member.c.key == name).limit(1).correlate(schema.alerts).scalar_subquery()
    found: sa.ColumnElement[str] = sa.cast(column, sa.JSON)[name].as_string()
    return found


def _search_text(row: Mapping[str, Any]) -> str:
    columns = (row["rule"], row["output"], row["hostname"], row["words"])
    return _SEPARATOR.join(" ".join(filters.words(text)) for text in columns)

"""The tables as they are now. `migrations` makes them, step by step; a test holds the two against each other."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# SQLite gives its rowid the name only of a column of the type INTEGER.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("seq", _Number, primary_key=True, autoincrement=False),
    sa.Column("uuid", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("time_ns", sa.BigInteger, nullable=False),
    sa.Column("received_ns", sa.BigInteger, nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("hostname", sa.Text, nullable=False),
    sa.Column("namespace", sa.Text),
    sa.Column("pod", sa.Text),
    sa.Column("container", sa.Text),
    sa.Column("image", sa.Text),
    # Rules have few different lists of tags, so a list is kept once.
    sa.Column("tagset", sa.Integer, nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    # output_fields as JSON text: PostgreSQL's own types would change numbers and refuse some texts.
    sa.Column("fields", sa.Text, nullable=False),
    # What is searched besides rule, output and hostname (filters.extra_words).
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("silence", sa.Integer),
)
sa.Index("alerts_by_time", alerts.c.time_ns, alerts.c.seq, alerts.c.priority)
for _name in ("rule", "hostname", "namespace", "pod", "image"):
    sa.Index(f"alerts_by_{_name}", alerts.c[_name], alerts.c.time_ns, alerts.c.seq)
sa.Index("alerts_by_priority", alerts.c.priority, alerts.c.time_ns, alerts.c.seq)
sa.Index("alerts_by_tagset", alerts.c.tagset, alerts.c.time_ns, alerts.c.seq)

# How many alerts each minute (since the epoch) has of each priority: see `minutes`.
minutes = sa.Table(
    "minutes",
    metadata,
    sa.Column("minute", _Number, primary_key=True, autoincrement=False),
    sa.Column("priority", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("alerts", sa.BigInteger, nullable=False),
)

tagsets = sa.Table(
    "tagsets",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # A JSON list, sorted; unique by its text.
    sa.Column("tags", sa.Text, nullable=False, unique=True),
)
tagset_members = sa.Table(
    "tagset_members",
    metadata,
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("tagset", sa.Integer, sa.ForeignKey("tagsets.id"), primary_key=True),
)

# One row: the last seq given, and about how much disk all alerts take.
totals = sa.Table(
    "totals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("sink", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("lost", sa.BigInteger, nullable=False),
    # What the sink's worker must know again after a restart (repeats it counts); its own text, NULL: nothing.
    sa.Column("state", sa.Text),
)
dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sink", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    # Somebody wants it tried once more.
    sa.Column("retry", sa.Boolean, nullable=False),
    sa.UniqueConstraint("sink", "seq"),
)

acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    sa.Column("seq", _Number, primary_key=True, autoincrement=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("expires_ns", sa.BigInteger),
)
silences = sa.Table(
    "silences",
    metadata,
    # Never used twice: alerts tell by it why they were not sent.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("matchers", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("starts_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
)
sessions = sa.Table(
    "sessions",
    metadata,
    # SHA-256 of the cookie: who reads the database cannot become somebody.
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger, nullable=False),
    sa.Index("sessions_by_expiry", "expires_ns"),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Index("audit_by_time", "at_ns"),
)

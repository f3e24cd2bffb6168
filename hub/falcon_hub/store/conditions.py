"""A filter as SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import sqlalchemy as sa

from falcon_hub.store import dialects, filters, schema

_T = schema.alerts.c


def where(connection: sa.Connection, chosen: filters.Filter, now_ns: int) -> list[sa.ColumnElement[bool]]:
    """All must hold. now_ns: as in `Filter.matches`."""
    dialect = connection.dialect.name
    bounds = _bounds(connection, chosen) if chosen.text or chosen.fields else None
    found = [*_times(chosen), *_dimensions(chosen), *_fields(chosen, dialect, bounds), *_states(chosen, now_ns)]
    if chosen.text.strip():
        found.append(_text(chosen.text, dialect, bounds))
    return found


def _bounds(connection: sa.Connection, chosen: filters.Filter) -> dialects.Bounds | None:
    """An index knows quickly which numbers a time's alerts have; in a text's index only these are looked at then."""
    if connection.dialect.name != "sqlite" or (chosen.since_ns is None and chosen.until_ns is None):
        return None
    least, greatest = connection.execute(
        sa.select(sa.func.min(_T.seq), sa.func.max(_T.seq)).where(
            *_times(dataclasses.replace(chosen, priorities=frozenset()))
        )
    ).one()
    return (0, 0) if least is None else (least, greatest)


def _times(chosen: filters.Filter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.since_ns is not None:
        yield _T.time_ns >= chosen.since_ns
    if chosen.until_ns is not None:
        yield _T.time_ns < chosen.until_ns
    if chosen.priorities:
        yield _T.priority.in_(sorted(chosen.priorities))


def _dimensions(chosen: filters.Filter) -> Iterator[sa.ColumnElement[bool]]:
    for name, values in chosen.is_.items():
        yield _tagged(values) if name == "tag" else _T[name].in_(values)
    for name, values in chosen.is_not.items():
        # A pod that is not known is not this pod either.
        yield sa.not_(_tagged(values)) if name == "tag" else sa.or_(_T[name].is_(None), _T[name].not_in(values))


def _tagged(values: tuple[str, ...]) -> sa.ColumnElement[bool]:
    members = schema.tagset_members.c
    return _T.tagset.in_(sa.select(members.tagset).where(members.tag.in_(values)))


def _fields(chosen: filters.Filter, dialect: str, bounds: dialects.Bounds | None) -> Iterator[sa.ColumnElement[bool]]:
    for name, value in chosen.fields:
        # The words of the value are in the text's index, which is quicker than reading every alert's JSON.
        if value not in ("true", "false") and (run := filters.words(value)):
            yield dialects.has_words(dialect, [tuple(run)], bounds)
        yield dialects.field(dialect, name) == value
    for name, value in chosen.not_fields:
        yield sa.func.coalesce(dialects.field(dialect, name) != value, sa.true())


def _states(chosen: filters.Filter, now_ns: int) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.acknowledged is not None:
        # Under a name of its own: the question around it may join the same table.
        seen = schema.acknowledgements.alias("seen").c
        valid = sa.or_(seen.expires_ns.is_(None), seen.expires_ns > now_ns)
        found = sa.exists(sa.select(seen.seq).where(seen.seq == _T.seq, valid).correlate(schema.alerts))
        yield found if chosen.acknowledged else sa.not_(found)
    if chosen.silenced is not None:
        yield _T.silence.is_not(None) if chosen.silenced else _T.silence.is_(None)


def _text(text: str, dialect: str, bounds: dialects.Bounds | None) -> sa.ColumnElement[bool]:
    found = filters.terms(text)
    # Only signs, and they are not searched: nothing has them.
    return dialects.has_words(dialect, found, bounds) if found else sa.false()

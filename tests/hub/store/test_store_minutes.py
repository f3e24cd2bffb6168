"""Figures that come from the counts by minute are those of the alerts, to the alert."""

from __future__ import annotations

import dataclasses
import itertools
import random
import time

import pytest
import sqlalchemy as sa
from tests.hub.support import made

from falcon_hub import alerts
from falcon_hub.store import filters, minutes, records, schema, store
from falcon_rules import bundle

BEGIN = made.BEGIN
MINUTE = minutes.MINUTE_NS
HOURS = 30
PLENTY = 1 << 40
MOMENTS = (None, BEGIN - 7, BEGIN, BEGIN + 1, BEGIN + MINUTE // 2, BEGIN + 61 * MINUTE + 5, BEGIN + HOURS * 60 * MINUTE)


def _alerts(count: int = 400) -> list[alerts.Alert]:
    chance = random.Random(1)
    return [
        made.alert(
            number,
            time_ns=BEGIN + chance.randrange(HOURS * 60) * MINUTE + chance.choice((0, 1, MINUTE // 2, MINUTE - 1)),
            priority=bundle.Priority(chance.randrange(8)),
        )
        for number in range(count)
    ]


def _choices() -> list[filters.Filter]:
    return [
        filters.Filter(since, until, priorities)
        for since, until in itertools.product(MOMENTS, MOMENTS)
        for priorities in (frozenset[int](), frozenset({0, 4}))
    ]


async def _all_agree(kept: store.Store) -> None:
    for chosen in _choices():
        assert minutes.know(chosen)
        # No alert is silenced, so this chooses the same, alert by alert.
        one_by_one = dataclasses.replace(chosen, silenced=False)
        assert not minutes.know(one_by_one)
        expected = await kept.count(one_by_one)
        assert await kept.count(chosen) == expected, chosen
        line = await kept.timeline(chosen, 10)
        shown: dict[int, int] = {}
        for each in line.buckets:
            for priority, number in each.counts.items():
                shown[priority] = shown.get(priority, 0) + number
        assert shown == expected, chosen


async def test_counts_and_timelines_are_those_of_the_alerts(kept: store.Store):
    await kept.add(_alerts())
    await _all_agree(kept)


async def test_each_alert_is_in_the_span_of_its_time(kept: store.Store):
    found = _alerts()
    await kept.add(found)
    chosen = filters.Filter(BEGIN + 5, BEGIN + 20 * 60 * MINUTE + 7)
    line = await kept.timeline(chosen, 50)
    assert line.width_ns % MINUTE == 0
    assert len(line.buckets) <= 50
    assert line.buckets[0].start_ns <= BEGIN + 5
    assert line.buckets[-1].start_ns < BEGIN + 20 * 60 * MINUTE + 7 <= line.buckets[-1].start_ns + line.width_ns
    for bucket in line.buckets:
        inside = [
            alert
            for alert in found
            if bucket.start_ns <= alert.time_ns < bucket.start_ns + line.width_ns
            and BEGIN + 5 <= alert.time_ns < BEGIN + 20 * 60 * MINUTE + 7
        ]
        assert sum(bucket.counts.values()) == len(inside)


async def test_they_follow_what_is_removed(kept: store.Store):
    found = _alerts()
    await kept.add(found[:300])
    between = time.time_ns()
    await kept.add(found[300:])
    assert (await kept.remove(between, PLENTY)).alerts == 300
    await _all_agree(kept)
    assert sum((await kept.count(filters.Filter())).values()) == 100
    while (await kept.remove(time.time_ns() + 1, PLENTY)).alerts:
        pass
    assert await kept.count(filters.Filter()) == {}
    rows = await kept.read(lambda connection: connection.execute(sa.select(schema.minutes)).all())
    assert rows == []


async def test_duplicates_count_once(kept: store.Store):
    for _ in range(3):
        await kept.add([made.alert(1), made.alert(1)])
    assert await kept.count(filters.Filter()) == {4: 1}


async def test_two_hubs_count_together(postgresql_url: str):
    async with await store.Store.open(postgresql_url) as kept, await store.Store.open(postgresql_url) as other:
        found = _alerts(200)
        for at in range(0, 200, 20):
            await kept.add(found[at : at + 10])
            await other.add(found[at + 5 : at + 20])
        await _all_agree(kept)


async def test_what_nobody_has_seen_is_what_is_not_acknowledged(kept: store.Store):
    found = _alerts(60)
    await kept.add(found)
    now = time.time_ns()
    for number, alert in enumerate(found[:30]):
        expires = (None, now - 1, now + 10**15)[number % 3]
        await kept.acknowledgements.set(alert.uuid, who="anna", reason="", expires_ns=expires)
    for chosen in _choices():
        for acknowledged in (True, False):
            asked = dataclasses.replace(chosen, acknowledged=acknowledged)
            one_by_one = dataclasses.replace(asked, silenced=False)
            assert await kept.count(asked) == await kept.count(one_by_one), asked
    assert sum((await kept.count(filters.Filter(acknowledged=True))).values()) == 20


@pytest.mark.parametrize("count", [0, 120])
async def test_alerts_that_were_there_before_are_counted_by_the_migration(url: str, count: int):
    async with await store.Store.open(url) as kept:
        await kept.add(_alerts(count))
        await kept.write(_undone)
    async with await store.Store.open(url) as kept:
        await _all_agree(kept)
        assert sum((await kept.count(filters.Filter())).values()) == count
        assert await kept.size() == records.Size(count, (await kept.size()).bytes)


def _undone(connection: sa.Connection) -> None:
    """As the first version left it."""
    connection.execute(sa.text("DROP TABLE minutes"))
    connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

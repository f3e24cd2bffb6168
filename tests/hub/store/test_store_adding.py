"""Alerts go in once, in order, and are there after everything that may happen."""

from __future__ import annotations

import asyncio

import pytest
from tests.hub.support import made

from falcon_hub.store import filters, records, store


async def test_what_was_added_comes_back_as_it_was(kept: store.Store):
    alert = made.alert(
        1,
        tags=("a", "b"),
        output="22:13:20.123456789: Warning weird \u00e9 \U0001f600 'quotes' \\ \n lines",
        fields={"a": 1, "big": 2**70, "f": 1.5, "t": True, "n": None, "l": [1, "x"], "o": {"k": "v"}, "nul": "\u0001"},
    )
    assert await kept.add([alert]) == records.Added(new=1, duplicates=0)
    stored = await kept.get(alert.uuid)
    assert stored is not None
    assert stored.alert == alert
    assert stored.silence is None
    assert stored.acknowledgement is None


async def test_a_uuid_is_kept_once_also_within_one_request(kept: store.Store):
    first, second = made.alert(1), made.alert(2)
    assert await kept.add([first, second, first]) == records.Added(2, 1)
    assert await kept.add([second, made.alert(3)]) == records.Added(1, 1)
    assert [each.alert.uuid for each in await kept.after(0, 10)] == [first.uuid, second.uuid, made.alert(3).uuid]


async def test_the_same_alerts_from_many_requests_at_once_are_kept_once(kept: store.Store):
    wanted = [made.alert(number) for number in range(20)]
    added = await asyncio.gather(*(kept.add(wanted) for _ in range(10)))
    assert sum(each.new for each in added) == 20
    assert sum(each.duplicates for each in added) == 180
    assert len(await kept.after(0, 100)) == 20


async def test_numbers_grow_without_gaps_and_go_on_after_a_restart(url: str):
    async with await store.Store.open(url) as kept:
        await asyncio.gather(*(kept.add([made.alert(number)]) for number in range(30)))
        assert [each.seq for each in await kept.after(0, 100)] == list(range(1, 31))
    async with await store.Store.open(url) as kept:
        await kept.add([made.alert(99)])
        assert [each.seq for each in await kept.after(29, 100)] == [30, 31]


async def test_after_gives_at_most_what_is_asked_for_in_order(kept: store.Store):
    await kept.add([made.alert(number) for number in range(10)])
    assert [each.seq for each in await kept.after(3, 4)] == [4, 5, 6, 7]
    assert await kept.after(10, 4) == []


async def test_waiting_ends_when_something_is_committed(kept: store.Store):
    waiting = asyncio.create_task(kept.wait(0, 30))
    await kept.add([made.alert()])
    assert await waiting is True
    assert await kept.wait(1, 0.01) is False


async def test_waiting_sees_what_another_hub_committed(postgresql_url: str):
    async with await store.Store.open(postgresql_url) as kept, await store.Store.open(postgresql_url) as other:
        waiting = asyncio.create_task(kept.wait(0, 30))
        await other.add([made.alert()])
        assert await waiting is True
        assert (await kept.after(0, 10))[0].alert == made.alert()


async def test_two_hubs_number_alerts_without_gaps_or_doubles(postgresql_url: str):
    async with await store.Store.open(postgresql_url) as kept, await store.Store.open(postgresql_url) as other:
        wanted = [made.alert(number, tags=(f"tag-{number % 7}",)) for number in range(60)]
        added = await asyncio.gather(
            *(each.add([alert]) for alert in wanted for each in (kept, other)), return_exceptions=True
        )
        assert sum(each.new for each in added if isinstance(each, records.Added)) == 60
        assert [each.seq for each in await kept.after(0, 100)] == list(range(1, 61))


async def test_subscribers_get_what_is_committed_and_end_with_the_store(url: str):
    async with await store.Store.open(url) as kept, kept.subscribe() as live:
        await kept.add([made.alert(1)])
        assert [each.alert.uuid for each in await anext(live)] == [made.alert(1).uuid]
        await kept.add([made.alert(1)])
        await kept.add([made.alert(2)])
        assert [each.alert.uuid for each in await anext(live)] == [made.alert(2).uuid]
        rest = asyncio.create_task(anext(live, None))
        await kept.close()
        assert await rest is None


async def test_a_change_that_fails_undoes_itself_and_nothing_else(kept: store.Store):
    def fail(_connection: object) -> None:
        raise LookupError("as planned")

    outcomes = await asyncio.gather(
        kept.add([made.alert(1)]), kept.write(fail), kept.add([made.alert(2)]), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [records.Added, LookupError, records.Added]
    assert len(await kept.after(0, 10)) == 2


async def test_a_client_that_goes_away_does_not_take_its_alerts_along(kept: store.Store):
    task = asyncio.create_task(kept.add([made.alert(1)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await kept.add([made.alert(2)])
    assert [each.alert.uuid for each in await kept.after(0, 10)] == [made.alert(1).uuid, made.alert(2).uuid]


async def test_a_closed_store_takes_nothing(url: str):
    kept = await store.Store.open(url)
    await kept.close()
    with pytest.raises(records.Unavailable):
        await kept.add([made.alert()])


async def test_the_store_says_how_much_there_is(kept: store.Store):
    assert await kept.size() == records.Size(0, 0)
    await kept.add([made.alert(number) for number in range(5)])
    size = await kept.size()
    assert size.alerts == 5
    assert 5 * 500 < size.bytes < 5 * 5000
    assert sum((await kept.count(filters.Filter())).values()) == 5

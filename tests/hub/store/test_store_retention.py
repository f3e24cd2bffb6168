"""What is too old or too much goes, oldest first; what that costs a sink is counted."""

from __future__ import annotations

import time

from tests.hub.support import made

from falcon_hub.app import keeping
from falcon_hub.settings import model
from falcon_hub.store import filters, records, store

PLENTY = 1 << 40


async def test_what_came_too_long_ago_goes_with_everything_about_it(kept: store.Store):
    await kept.add([made.alert(number, tags=(f"t{number}",)) for number in range(5)])
    await kept.acknowledgements.set(made.alert(1).uuid, who="a", reason="")
    between = time.time_ns()
    await kept.add([made.alert(number) for number in range(5, 8)])
    assert await kept.remove(between, PLENTY) == records.Removed(5, {})
    assert await kept.remove(between, PLENTY) == records.Removed(0, {})
    assert [each.seq for each in await kept.after(0, 100)] == [6, 7, 8]
    assert (await kept.page(filters.Filter(text="shadow"))).rows == (await kept.page(filters.Filter())).rows
    assert (await kept.size()).alerts == 3


async def test_the_oldest_go_while_all_take_too_much(kept: store.Store):
    await kept.add([made.alert(number) for number in range(100)])
    size = await kept.size()
    while (await kept.remove(0, size.bytes // 2)).alerts:
        pass
    left = await kept.after(0, 1000)
    assert [each.seq for each in left] == list(range(101 - len(left), 101))
    assert 45 <= len(left) <= 50
    assert (await kept.size()).bytes <= size.bytes // 2


async def test_everything_may_go_and_numbers_go_on(kept: store.Store):
    await kept.add([made.alert(number) for number in range(10)])
    while (await kept.remove(time.time_ns() + 1, PLENTY)).alerts:
        pass
    assert await kept.size() == records.Size(0, 0)
    await kept.add([made.alert(3)])
    assert [each.seq for each in await kept.after(0, 10)] == [11]


async def test_what_a_sink_had_not_had_is_counted_as_lost_and_said(kept: store.Store):
    await kept.cursor("slow")
    await kept.cursor("quick")
    await kept.add([made.alert(number) for number in range(10)])
    await kept.advance("slow", 3)
    await kept.advance("quick", 10)
    await kept.dead_letters.add("quick", [2], "refused", 1)
    said: list[str] = []
    wanted = model.Retention(max_age_days=1)
    assert await keeping.once(kept, wanted, said.append, time.time_ns() + 2 * 86_400 * made.SECOND) == 10
    assert {each.sink: each.lost for each in await kept.cursors()} == {"slow": 7, "quick": 1}
    assert {each.sink: each.behind for each in await kept.cursors()} == {"slow": 0, "quick": 0}
    assert said == [
        "sink quick: 1 alerts were removed by store.retention before it had them",
        "sink slow: 7 alerts were removed by store.retention before it had them",
    ]

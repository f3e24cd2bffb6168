"""Who gets which alert of gRPC: no event loop is needed to tell."""

from __future__ import annotations

import pytest

from falcon_sensor.outputs.grpc import fanout


async def read(subscription, most=1 << 30):
    found: list[int] = []
    while len(found) < most and subscription.waiting:
        item = await subscription.head()
        subscription.sent(item)
        found.append(int(item.data))
    return found


def fill(found, numbers):
    for number in numbers:
        found.put(str(number).encode())


@pytest.fixture
async def made():
    return fanout.Fanout(5)


async def test_the_first_gets_what_waited_and_everybody_what_comes(made):
    fill(made, range(3))
    first = made.subscribe()
    second = made.subscribe()
    fill(made, [3, 4])
    assert (await read(first), await read(second)) == ([0, 1, 2, 3, 4], [3, 4])
    assert (made.counters.settled, made.counters.sent) == (5, 7)


async def test_the_oldest_go_when_too_many_wait(made):
    fill(made, range(8))
    assert await read(made.subscribe()) == [3, 4, 5, 6, 7]
    assert (made.counters.too_many, made.counters.settled) == (3, 8)


async def test_a_slow_one_misses_its_oldest_alone(made):
    slow, quick = made.subscribe(), made.subscribe()
    seen = []
    for number in range(8):
        fill(made, [number])
        seen += await read(quick)
    assert (seen, await read(slow)) == (list(range(8)), [3, 4, 5, 6, 7])
    assert (made.counters.slow, made.counters.settled) == (3, 8)


async def test_what_one_alone_had_goes_back_when_it_leaves(made):
    first = made.subscribe()
    fill(made, range(4))
    assert await read(first, 1) == [0]
    await first.head()  # under way, and never arrives
    first.close()
    assert made.waiting == 3
    assert made.alone.is_set()
    fill(made, [4])
    assert await read(made.subscribe()) == [1, 2, 3, 4]
    assert made.counters.settled == 5


async def test_what_others_have_too_does_not_come_again(made):
    first, second = made.subscribe(), made.subscribe()
    fill(made, range(3))
    first.close()
    assert await read(second) == [0, 1, 2]
    second.close()
    assert made.waiting == 0
    assert made.counters.settled == 3


async def test_at_the_end_the_rest_is_given_out(made):
    subscription = made.subscribe()
    fill(made, range(2))
    made.finish()
    assert await read(subscription) == [0, 1]
    assert await subscription.head() is None
    late = made.subscribe()
    assert await late.head() is None

"""Who leads, with a clock and a Lease of the tests' own."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from falcon_operator.app.leader import Election, Timing
from falcon_operator.clients import errors, leases

TIMING = Timing(duration=15.0, margin=5.0, retry=2.0)


class Lease:
    """One Lease in memory, with the API server's optimistic writes. `down` makes it out of reach."""

    def __init__(self) -> None:
        self.record: leases.Record | None = None
        self.down = False
        self.writes = 0

    async def read(self) -> leases.Record | None:
        if self.down:
            raise errors.Unreachable("the server is away")
        return self.record

    async def write(self, record: leases.Record) -> leases.Record:
        if self.down:
            raise errors.Unreachable("the server is away")
        if record.version != (self.record.version if self.record else None):
            raise errors.Conflict(409, "changed")
        self.writes += 1
        self.record = dataclasses.replace(record, version=str(self.writes), renewed="now")
        return self.record


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lease():
    return Lease()


def candidate(lease: Lease, name: str, clock: Clock) -> Election:
    return Election(lease, name, TIMING, clock)


async def test_the_first_to_come_leads(lease):
    clock = Clock()
    one, two = candidate(lease, "one", clock), candidate(lease, "two", clock)
    await one._turn()
    await two._turn()
    assert (one.leading.is_set(), two.leading.is_set()) == (True, False)
    assert lease.record.holder == "one"


async def test_a_lease_that_is_renewed_is_not_taken(lease):
    clock = Clock()
    one, two = candidate(lease, "one", clock), candidate(lease, "two", clock)
    for _ in range(20):
        await one._turn()
        await two._turn()
        clock.now += 2.0
    assert (one.leading.is_set(), two.leading.is_set()) == (True, False)


async def test_clocks_of_replicas_are_not_compared(lease):
    """Theirs may differ by a day: a candidate counts from when it saw the Lease change."""
    ours, theirs = Clock(86400.0), Clock(0.0)
    one, two = candidate(lease, "one", ours), candidate(lease, "two", theirs)
    await one._turn()
    await two._turn()
    theirs.now += 14.0
    await two._turn()
    assert not two.leading.is_set()
    theirs.now += 2.0
    await two._turn()
    assert two.leading.is_set()


async def test_a_leader_stops_before_another_can_take_over(lease):
    clock = Clock()
    one, two = candidate(lease, "one", clock), candidate(lease, "two", clock)
    await one._turn()
    await two._turn()
    one._store = Lease()
    one._store.down = True
    led_until = taken_at = None
    while taken_at is None:
        clock.now += 0.5
        await one._turn()
        await two._turn()
        if led_until is None and not one.leading.is_set():
            led_until = clock.now
        if two.leading.is_set():
            taken_at = clock.now
    assert led_until == 10.0, "duration without margin, counted from before the last renewal"
    assert taken_at > 15.0


async def test_the_pause_ends_with_the_leadership(lease):
    clock = Clock()
    one = candidate(lease, "one", clock)
    await one._turn()
    clock.now = 9.5
    assert one._pause() <= 0.5


async def test_a_replaced_leader_sees_it(lease):
    clock = Clock()
    one = candidate(lease, "one", clock)
    await one._turn()
    lease.record = dataclasses.replace(lease.record, holder="two", version="99")
    await one._turn()
    assert not one.leading.is_set()
    assert one.lost.is_set()


async def test_one_of_two_that_try_at_once_wins(lease):
    clock = Clock()
    one, two = candidate(lease, "one", clock), candidate(lease, "two", clock)
    await asyncio.gather(one._turn(), two._turn())
    assert one.leading.is_set() != two.leading.is_set()


async def test_whoever_stops_gives_the_lease_back(lease):
    clock = Clock()
    one, two = candidate(lease, "one", clock), candidate(lease, "two", clock)
    task = asyncio.create_task(one.run())
    await one.leading.wait()
    task.cancel()
    await asyncio.wait([task])
    assert lease.record.holder == ""
    await two._turn()
    assert two.leading.is_set(), "at once, without waiting for the Lease to run out"
    assert lease.record.transitions == 1

"""Pushes on their way: one at a time, the newest wins, nothing older than what is in force."""

from __future__ import annotations

import asyncio

import pytest
from tests.sensor.cluster.support import waiting

from falcon_rules import bundle, wire
from falcon_sensor.api import bundles
from falcon_sensor.api.refusals import Reason, Refusal


def pushed(revision: int) -> tuple[bytes, str]:
    data = wire.dumps(bundle.Bundle((), revision))
    return wire.pack(data), f"sha256:{wire.digest(data)}"


class Sensor:
    """Loads when it is let, one at a time; remembers what it was given."""

    def __init__(self):
        self.in_force = bundles.InForce()
        self.loaded: list[int] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fails: set[int] = set()
        self.busy = False

    async def load(self, packed, digest):
        assert not self.busy
        self.busy = True
        await self.go.wait()
        self.busy = False
        revision = wire.loads(wire.unpack(packed)).revision
        if revision in self.fails:
            raise Refusal(500, Reason.NOT_LOADED, "broken")
        self.loaded.append(revision)
        self.in_force = bundles.InForce(digest, revision)
        return self.in_force

    async def health(self):
        return {}


async def refused(attempt) -> tuple[int, Reason, int | None]:
    with pytest.raises(Refusal) as caught:
        await attempt
    return caught.value.status, caught.value.reason, caught.value.revision


async def test_a_newer_bundle_is_loaded_and_an_older_one_refused():
    sensor = Sensor()
    pushes = bundles.Pushes(sensor)
    assert (await pushes.put(*pushed(5))).revision == 5
    assert await refused(pushes.put(*pushed(4))) == (409, Reason.OUTDATED, 5)
    assert (await pushes.put(*pushed(6))).revision == 6
    assert sensor.loaded == [5, 6]


async def test_the_bundle_in_force_is_not_loaded_again():
    sensor = Sensor()
    pushes = bundles.Pushes(sensor)
    for _ in range(3):
        assert (await pushes.put(*pushed(5))).revision == 5
    assert sensor.loaded == [5]


async def test_other_rules_under_the_same_revision_are_refused():
    sensor = Sensor()
    sensor.in_force = bundles.InForce("sha256:other", 5)
    assert await refused(bundles.Pushes(sensor).put(*pushed(5))) == (409, Reason.OUTDATED, 5)


async def test_of_those_that_wait_the_newest_wins_in_whatever_order_they_came():
    sensor = Sensor()
    pushes = bundles.Pushes(sensor)
    sensor.go.clear()
    first = asyncio.create_task(pushes.put(*pushed(1)))
    await waiting.until(lambda: sensor.busy)
    others = [asyncio.create_task(pushes.put(*pushed(revision))) for revision in (2, 4, 3)]
    await waiting.until(lambda: pushes.waiting == 3)
    sensor.go.set()
    assert (await first).revision == 1
    second, fourth, third = await asyncio.gather(*others, return_exceptions=True)
    assert sensor.in_force == fourth
    assert [each.status for each in (second, third) if isinstance(each, Refusal)] == [409, 409]
    assert sensor.loaded == [1, 4]


async def test_a_bundle_that_cannot_be_loaded_does_not_stand_in_the_way_of_older_ones():
    sensor = Sensor()
    pushes = bundles.Pushes(sensor)
    sensor.fails = {9}
    assert (await pushes.put(*pushed(1))).revision == 1
    assert (await refused(pushes.put(*pushed(9))))[:2] == (500, Reason.NOT_LOADED)
    assert (await pushes.put(*pushed(2))).revision == 2


BODY, DIGEST = pushed(7)
NEWER = wire.unpack(BODY).replace(b'"format":1', b'"format":2')


@pytest.mark.parametrize(
    ("body", "digest", "status", "reason"),
    [
        (b"", DIGEST, 400, Reason.MALFORMED),
        (b"rubbish", DIGEST, 400, Reason.MALFORMED),
        (BODY[:-5], DIGEST, 400, Reason.MALFORMED),
        (wire.pack(b"{}"), f"sha256:{wire.digest(b'{}')}", 400, Reason.MALFORMED),
        (BODY, "", 400, Reason.WRONG_DIGEST),
        (BODY, DIGEST.removeprefix("sha256:"), 400, Reason.WRONG_DIGEST),
        (BODY, DIGEST[:-1] + "_", 400, Reason.WRONG_DIGEST),
        (wire.pack(NEWER), f"sha256:{wire.digest(NEWER)}", 426, Reason.FORMAT),
    ],
)
async def test_what_is_no_bundle_never_reaches_the_sensor(body, digest, status, reason):
    sensor = Sensor()
    assert (await refused(bundles.Pushes(sensor).put(body, digest)))[:2] == (status, reason)
    assert sensor.loaded == []


def test_a_bomb_is_refused():
    bomb = wire.pack(b" " * (wire.MAX_BYTES + 1))
    with pytest.raises(Refusal) as caught:
        bundles.inspect(bomb, DIGEST)
    assert (caught.value.status, caught.value.reason) == (400, Reason.MALFORMED)


def test_a_revision_in_a_rules_text_is_not_taken_for_the_bundles():
    from falcon_rules.bundle import Output, Priority, Rule
    from falcon_rules.typed import Truth

    rule = Rule('"revision":99,', '"format":2,', Priority.NOTICE, Truth(True), Output(('"revision":98}',)), None)
    data = wire.dumps(bundle.Bundle((rule,), 7))
    assert bundles.inspect(wire.pack(data), f"sha256:{wire.digest(data)}") == 7

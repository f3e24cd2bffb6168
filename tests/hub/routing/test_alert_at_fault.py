"""An alert that its receiver cannot bear holds nobody up for ever; a receiver that is away is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hub.routing import support
from tests.hub.sinks import support as sinks
from tests.hub.sinks.support import alert

from falcon_hub.routing import router
from falcon_hub.settings import model
from falcon_hub.sinks import base
from falcon_hub.store import store

SICK = base.Failed("HTTP 500", answered=True)


def _choosy(bench: support.Bench, *poison: int, failure: base.Failed = SICK) -> None:
    """Alerts of these numbers are answered by failures, and a batch with one of them as a whole."""
    keys = {alert(number).uuid for number in poison}
    send = bench.receiver.send

    async def sends(batch: list[base.Message]) -> base.Outcome:
        if keys & {each.key for each in batch}:
            bench.receiver.batches.append(len(batch))
            return base.Outcome(0, {}, failure)
        return await send(batch)

    bench.receiver.send = sends  # type: ignore[method-assign, assignment]


def _numbers(bench: support.Bench) -> list[int]:
    known = {each.uuid: number for number, each in enumerate(bench.spool.alerts)}
    return [known[each] for each in bench.receiver.uuids]


async def test_one_at_fault_becomes_a_dead_letter_and_the_others_arrive_in_order() -> None:
    bench = support.Bench()
    bench.put(*support.many(10))
    _choosy(bench, 3)
    begin = bench.clock.now
    await bench.run()
    assert _numbers(bench) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    ((seq, reason, attempts),) = bench.spool.dead_letters.found.values()
    assert seq == 4
    assert reason.startswith("given up after ")
    assert "while another alert went through: HTTP 500" in reason
    assert attempts >= 6
    assert 60 <= bench.clock.now - begin < 400
    assert bench.spool.seq == 10


@pytest.mark.parametrize("batch", [7, 500])
async def test_in_a_batch_the_one_at_fault_is_found(batch: int) -> None:
    bench = support.Bench(batch=batch)
    bench.put(*support.many(1200))
    _choosy(bench, 600, 1100)
    await bench.run()
    assert _numbers(bench) == [number for number in range(1200) if number not in (600, 1100)]
    assert sorted(bench.spool.dead_letters.found) == [601, 1101]
    # By halves, and large again afterwards: not one by one.
    assert len(bench.receiver.batches) < 1200 / batch + 100


async def test_a_run_of_them_is_passed_over() -> None:
    """Whoever can make one can make many."""
    bench = support.Bench()
    bench.put(*support.many(60))
    _choosy(bench, *range(10, 40))
    begin = bench.clock.now
    await bench.run(until=lambda: len(bench.receiver.sent) == 30)
    assert _numbers(bench) == [*range(10), *range(40, 60)]
    assert bench.clock.now - begin < 3600


async def test_nothing_is_held_up_where_nothing_else_waits() -> None:
    bench = support.Bench()
    bench.put(*support.many(1))
    _choosy(bench, 0)
    end = bench.clock.now + 3600
    await bench.run(until=lambda: bench.clock.now > end)
    assert bench.spool.dead_letters.found == {}
    assert bench.worker.state() != "working"
    # Another comes, and goes through: now it is known.
    bench.put(alert(1))
    await bench.run(until=lambda: bench.spool.seq == 2)
    assert _numbers(bench) == [1]
    assert list(bench.spool.dead_letters.found) == [1]


async def test_a_receiver_that_answers_nothing_but_500_is_waited_for() -> None:
    bench = support.Bench(batch=10)
    bench.put(*support.many(100))
    up_at = bench.clock.now + 6 * 3600
    bench.receiver.fails = lambda: SICK if bench.clock.now < up_at else None
    await bench.run()
    assert _numbers(bench) == list(range(100))
    assert bench.spool.dead_letters.found == {}


@pytest.mark.parametrize(
    "failure",
    [base.Failed("no answer within 15 s"), base.Failed("HTTP 429", 1.0), base.Failed("HTTP 403", broken=True)],
    ids=str,
)
async def test_what_tells_nothing_about_the_alert_is_waited_for(failure: base.Failed) -> None:
    bench = support.Bench()
    bench.put(*support.many(3))
    _choosy(bench, 0, failure=failure)
    end = bench.clock.now + 6 * 3600
    await bench.run(until=lambda: bench.clock.now > end)
    assert (_numbers(bench), bench.spool.dead_letters.found) == ([], {})


async def test_one_that_was_only_unlucky_is_delivered() -> None:
    """The receiver comes back between the attempt at it and the attempt at another."""
    bench = support.Bench()
    bench.put(*support.many(5))
    send = bench.receiver.send

    async def sends(batch: list[base.Message]) -> base.Outcome:
        if batch[0].key == alert(0).uuid and not bench.receiver.sent:
            return base.Outcome(0, {}, SICK)
        return await send(batch)

    bench.receiver.send = sends  # type: ignore[method-assign, assignment]
    await bench.run()
    assert _numbers(bench) == [1, 0, 2, 3, 4]
    assert bench.spool.dead_letters.found == {}


async def test_it_can_be_switched_off() -> None:
    bench = support.Bench(retry={"set_aside_seconds": 0})
    bench.put(*support.many(3))
    _choosy(bench, 0)
    end = bench.clock.now + 86_400
    await bench.run(until=lambda: bench.clock.now > end)
    assert (_numbers(bench), bench.spool.dead_letters.found) == ([], {})


async def test_repeats_go_on_too() -> None:
    bench = support.Bench("slack", rate_limit={"messages": 4, "per_seconds": 60}, grouping={"by": ["hostname"]})
    bench.put(*(alert(number, hostname=f"node-{number % 4}") for number in range(12)))
    _choosy(bench, 1)
    await bench.run(seconds=2000)
    assert list(bench.spool.dead_letters.found) == [2]
    told = [(each.alert.hostname, each.count) for each in bench.receiver.sent]
    # The first of each host but for the one at fault, and then the two repeats of each, once.
    assert sorted(told) == [(f"node-{n}", count) for n in range(4) for count in (1, 2) if (n, count) != (1, 1)]


async def test_a_dead_letter_tried_again_has_one_attempt_and_holds_up_nothing() -> None:
    bench = support.Bench()
    bench.put(*support.many(3))
    _choosy(bench, 0)
    await bench.run()
    bench.spool.dead_letters.marked = {1}
    bench.put(alert(3))
    attempts = bench.spool.dead_letters.found[1][2]
    await bench.run(until=lambda: not bench.spool.dead_letters.marked and bench.spool.seq == 4)
    assert _numbers(bench) == [1, 2, 3]
    assert bench.spool.dead_letters.found[1][1:] == ("given up after 1 attempts: HTTP 500", attempts + 1)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not holds():  # noqa: ASYNC110 (the receiver is on the same loop, and tells of nothing)
            await asyncio.sleep(0.01)


RETRY: dict[str, Any] = {
    "retry": {"initial_seconds": 0.01, "longest_seconds": 0.05, "set_aside_seconds": 0.2},
    "breaker": {"failures": 4, "pause_seconds": 0.05},
}


@pytest.mark.parametrize("answer", [(500, {}, "cannot read this"), sinks.RESET], ids=["500", "reset"])
@pytest.mark.parametrize("batch", [1, 10])
async def test_over_http(batch: int, answer: sinks.Answer | str, tmp_path: Path) -> None:
    """A real receiver, which answers one alert by 500 for ever, or breaks the connection over it."""
    async with sinks.receiving() as receiver, await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as kept:
        poison = alert(4).uuid
        receiver.otherwise = lambda seen: answer if poison in seen.body else (200, {}, "")  # type: ignore[assignment, return-value]
        wanted = model.Sink.model_validate({"name": "it", "type": "webhook", "url": receiver.url, "batch": batch})
        async with router.Router.make([wanted], RETRY, kept, lambda text: None) as routed:
            await kept.add([alert(number) for number in range(20)])
            await _until(lambda: alert(19).uuid in receiver.taken[-1].body if receiver.taken else False)
            async with asyncio.timeout(300):
                while not (letters := await kept.dead_letters.list("it")):  # noqa: ASYNC110 (the store tells of none)
                    await asyncio.sleep(0.01)
            counts = routed.workers[0].delivery.counts
    assert [each.alert.uuid for each in letters] == [poison]
    assert "while another alert went through" in letters[0].reason
    taken = [each["uuid"] for seen in receiver.taken for each in (seen.json if batch > 1 else [seen.json])]
    assert taken == [alert(number).uuid for number in range(20) if number != 4]
    assert (counts.delivered, counts.refused) == (19, 1)

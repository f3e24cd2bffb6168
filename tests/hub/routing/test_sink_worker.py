"""One sink's worker, in virtual time."""

from __future__ import annotations

import pytest
from tests.hub.routing import support
from tests.hub.sinks.support import alert

from falcon_hub.sinks import base
from falcon_rules import bundle

DOWN = base.Failed("down")


async def test_everything_in_order_and_the_cursor_behind_it() -> None:
    bench = support.Bench()
    bench.put(*support.many(1200))
    await bench.run()
    assert bench.receiver.uuids == [each.uuid for each in bench.spool.alerts]
    assert bench.spool.seq == 1200


async def test_batches_as_large_as_the_sink_takes() -> None:
    bench = support.Bench(batch=100)
    bench.put(*support.many(250))
    await bench.run()
    assert bench.receiver.batches == [100, 100, 50]


async def test_what_is_not_for_the_sink_is_passed() -> None:
    bench = support.Bench(minimum_priority="error", match={"rules": ["Shell*"]})
    bench.put(
        alert(0, rule="Shell", priority=bundle.Priority.ERROR),
        alert(1, rule="Shell", priority=bundle.Priority.WARNING),
        alert(2, rule="Other", priority=bundle.Priority.ERROR),
        alert(3, rule="Shell 2", priority=bundle.Priority.EMERGENCY),
        alert(4, rule="Shell", priority=bundle.Priority.ERROR),
    )
    bench.spool.silenced = {5}
    await bench.run()
    assert bench.receiver.uuids == [alert(0).uuid, alert(3).uuid]
    counts = bench.worker.delivery.counts
    assert (counts.delivered, counts.skipped, counts.silenced) == (2, 2, 1)
    assert bench.spool.seq == 5


async def test_a_receiver_down_for_an_hour_gets_everything_in_order() -> None:
    bench = support.Bench(batch=10, retry={"initial_seconds": 1, "longest_seconds": 60})
    bench.put(*support.many(100))
    up_at = bench.clock.now + 3600
    bench.receiver.fails = lambda: DOWN if bench.clock.now < up_at else None
    await bench.run()
    assert bench.receiver.uuids == [each.uuid for each in bench.spool.alerts]
    assert max(bench.clock.slept) <= 60
    # Told when it began and when it ended, not for each of the attempts in between.
    assert bench.said == ["sink it: down; alerts wait for it in the store", "sink it: works again"]


async def test_half_of_a_batch_is_not_sent_twice() -> None:
    bench = support.Bench(batch=10)
    bench.put(*support.many(10))
    bench.receiver.script = [base.Outcome(4, {}, DOWN)]
    await bench.run()
    assert bench.receiver.uuids == [each.uuid for each in bench.spool.alerts]
    assert bench.receiver.batches == [10, 6]


async def test_the_receiver_says_how_long_to_wait() -> None:
    bench = support.Bench()
    bench.put(alert())
    bench.receiver.script = [base.Outcome(0, {}, base.Failed("busy", retry_after=120))]
    await bench.run()
    assert 120 <= bench.clock.slept[0] <= 121


async def test_the_breaker_leaves_the_receiver_alone_and_tries_with_one() -> None:
    bench = support.Bench(batch=50, breaker={"failures": 3, "pause_seconds": 600}, retry={"longest_seconds": 2})
    bench.put(*support.many(50))
    up_at = bench.clock.now + 1000
    bench.receiver.fails = lambda: DOWN if bench.clock.now < up_at else None
    states = set()

    def finished() -> bool:
        states.add(bench.worker.state())
        return len(bench.receiver.sent) == 50

    await bench.run(until=finished)
    # Three failures, two pauses of ten minutes, one probe that works, the rest.
    assert bench.receiver.batches == [50, 50, 50, 1, 1, 49]
    assert [each for each in bench.clock.slept if each >= 600] == [600, 600]
    assert {"waiting", "open"} <= states


async def test_a_refused_alert_becomes_a_dead_letter_and_the_others_go_on() -> None:
    bench = support.Bench(batch=3)
    bench.put(*support.many(3))
    bench.receiver.script = [base.Outcome(3, {1: "400: no"})]
    await bench.run()
    assert bench.receiver.uuids == [alert(0).uuid, alert(2).uuid]
    assert bench.spool.dead_letters.found == {2: (2, "400: no", 1)}
    assert bench.spool.seq == 3
    assert bench.said == ["sink it: an alert was refused (400: no); it is kept as a dead letter"]


async def test_a_dead_letter_is_tried_again_when_somebody_wants_it() -> None:
    bench = support.Bench()
    bench.put(*support.many(2))
    bench.receiver.script = [base.Outcome(1, {0: "no"})]
    await bench.run()
    bench.spool.dead_letters.marked = {1}
    bench.receiver.script = [base.Outcome(1, {0: "no, again"})]
    await bench.run(seconds=10)
    assert bench.spool.dead_letters.found == {1: (1, "no, again", 2)}
    bench.spool.dead_letters.marked = {1}
    await bench.run(until=lambda: not bench.spool.dead_letters.found)
    assert bench.receiver.uuids == [alert(1).uuid, alert(0).uuid]


async def test_one_message_given_up_does_not_hold_up_the_rest_for_ever() -> None:
    bench = support.Bench(retry={"give_up_seconds": 300, "longest_seconds": 10}, breaker={"failures": 1000})
    bench.put(*support.many(2))
    bench.receiver.fails = lambda: DOWN if not bench.spool.dead_letters.found else None
    await bench.run()
    assert bench.receiver.uuids == [alert(1).uuid]
    assert bench.spool.dead_letters.found[1][1].startswith("given up after ")


async def test_without_it_a_message_is_never_given_up() -> None:
    bench = support.Bench()
    bench.put(alert())
    end = bench.clock.now + 3 * 86_400
    bench.receiver.fails = lambda: DOWN if bench.clock.now < end else None
    await bench.run()
    assert bench.spool.dead_letters.found == {}
    assert bench.receiver.uuids == [alert().uuid]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("a bug"), KeyError("a bug")])
async def test_a_sink_that_raises_loses_nothing(error: Exception) -> None:
    bench = support.Bench()
    bench.put(*support.many(2))
    times = [error, error]

    def fails() -> None:
        if times:
            raise times.pop()

    bench.receiver.fails = fails
    await bench.run()
    assert bench.receiver.uuids == [alert(0).uuid, alert(1).uuid]


async def test_a_store_that_goes_away_loses_nothing() -> None:
    bench = support.Bench(batch=5)
    bench.put(*support.many(20))
    send = bench.receiver.send

    async def sends(batch: list[base.Message]) -> base.Outcome:
        bench.spool.away = len(bench.receiver.batches) == 1 and not bench.said
        if bench.spool.away:
            bench.said.append("away")
        return await send(batch)

    bench.receiver.send = sends  # type: ignore[method-assign, assignment]
    sleep = bench.clock.sleep

    async def sleeps(seconds: float) -> None:
        bench.spool.away = False
        await sleep(seconds)

    bench.clock.sleep = sleeps  # type: ignore[method-assign]
    await bench.run()
    seen = bench.receiver.uuids
    # What was sent since the last commit comes again; nothing is missing, and the order is kept.
    assert list(dict.fromkeys(seen)) == [each.uuid for each in bench.spool.alerts]
    assert bench.spool.seq == 20


@pytest.mark.parametrize("count", [1, 7, 33])
async def test_killed_after_any_number_it_goes_on_where_it_was(count: int) -> None:
    bench = support.Bench("slack", rate_limit={"messages": 1000}, digest=False)
    bench.put(*support.many(50))
    await bench.run(until=lambda: len(bench.receiver.sent) >= count)
    bench.restart()
    await bench.run()
    # Where people read, the cursor moves with each message: at most the one under way comes twice.
    repeated = len(bench.receiver.uuids) - 50
    assert 0 <= repeated <= 1
    assert list(dict.fromkeys(bench.receiver.uuids)) == [each.uuid for each in bench.spool.alerts]


async def test_fields_of_the_sinks_own() -> None:
    bench = support.Bench(
        custom_fields={"env": "prod", "proc.pid": "never replaces what is there"},
        templated_fields={"where": "{{ namespace }}/{{ pod }}"},
        match={"condition": "k8s.ns.name = payments"},
    )
    bench.put(alert())
    await bench.run()
    fields = bench.receiver.sent[0].alert.fields
    assert (fields["env"], fields["where"], fields["proc.pid"]) == ("prod", "payments/api-7d9f", 4711)

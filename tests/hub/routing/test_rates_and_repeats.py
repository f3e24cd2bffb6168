"""Rate limits, digests and repeats, in virtual time."""

from __future__ import annotations

import json

from tests.hub.routing import support
from tests.hub.sinks.support import alert

from falcon_hub.sinks import base


async def test_a_rate_is_kept_and_nothing_is_lost() -> None:
    bench = support.Bench(rate_limit={"messages": 10, "per_seconds": 60})
    bench.put(*support.many(40))
    began = bench.clock.now
    await bench.run(until=lambda: len(bench.receiver.sent) == 40)
    assert bench.receiver.uuids == [each.uuid for each in bench.spool.alerts]
    # Ten at once, one every six seconds after that; the worker idles a little at the end.
    assert 180 <= bench.clock.now - began <= 190


async def test_for_people_a_flood_is_a_few_messages_and_a_digest() -> None:
    bench = support.Bench("slack", rate_limit={"messages": 5, "per_seconds": 60})
    rules = ("Shell", "Shell", "Write below /etc")
    bench.put(*(alert(number, rule=rules[number % 3]) for number in range(1000)))
    await bench.run()
    assert [each.count for each in bench.receiver.sent] == [1, 1, 1, 1, 996]
    digest = bench.receiver.sent[-1]
    assert [(each.rule, each.count) for each in digest.tallies] == [("Shell", 664), ("Write below /etc", 332)]
    assert digest.title == "996 alerts"
    assert "664 × Warning: Shell" in digest.text
    assert bench.worker.delivery.counts.delivered == 1000
    assert bench.spool.seq == 1000


async def test_a_digest_has_the_same_key_whenever_it_is_sent() -> None:
    keys = set()
    for _ in range(2):
        bench = support.Bench("slack", rate_limit={"messages": 1})
        bench.put(*support.many(10))
        await bench.run()
        keys.add(bench.receiver.sent[-1].key)
    assert len(keys) == 1


async def test_repeats_are_counted_and_told_when_the_window_ends() -> None:
    bench = support.Bench(grouping={"by": ["rule", "pod"], "seconds": 300})
    bench.put(*support.many(20), alert(20, rule="Another"))
    await bench.run()
    assert bench.receiver.uuids == [alert(0).uuid, alert(20).uuid]
    assert bench.worker.held == 19
    await bench.run(seconds=310)
    assert [each.count for each in bench.receiver.sent] == [1, 1, 19]
    told = bench.receiver.sent[-1]
    assert told.alert.uuid == alert(19).uuid
    assert told.title == "Warning: Terminal shell in container (19 times)"
    assert bench.worker.held == 0


async def test_repeats_survive_a_kill_and_are_told_once() -> None:
    bench = support.Bench(grouping={"by": ["rule"], "seconds": 300})
    bench.put(*support.many(10))
    await bench.run()
    bench.restart()
    bench.put(alert(10))
    await bench.run(seconds=310)
    assert [each.count for each in bench.receiver.sent] == [1, 10]
    bench.restart()
    await bench.run(seconds=700)
    assert [each.count for each in bench.receiver.sent] == [1, 10]


async def test_a_window_without_repeats_ends_and_the_next_is_told_at_once() -> None:
    bench = support.Bench(grouping={"by": ["rule"], "seconds": 300})
    bench.put(alert(0))
    await bench.run(seconds=310)
    bench.put(alert(1))
    await bench.run()
    assert [each.count for each in bench.receiver.sent] == [1, 1]


async def test_windows_are_bounded_however_an_attacker_varies() -> None:
    bench = support.Bench(grouping={"by": ["proc.cmdline"], "seconds": 3600})
    bench.put(*(alert(number, fields={"proc.cmdline": f"sh {number}"}) for number in range(3000)))
    await bench.run()
    assert len(bench.receiver.sent) == 3000
    await bench.run()
    assert bench.spool.kept is not None
    assert len(json.loads(bench.spool.kept)) <= 1500


async def test_repeats_refused_are_a_dead_letter_of_the_latest() -> None:
    bench = support.Bench(grouping={"by": ["rule"], "seconds": 300})
    bench.put(*support.many(5))
    await bench.run()
    bench.receiver.script = [base.Outcome(1, {0: "no"})]
    await bench.run(seconds=310)
    assert list(bench.spool.dead_letters.found) == [5]


async def test_stopped_while_repeats_are_told_the_others_are_told_later() -> None:
    bench = support.Bench(grouping={"by": ["proc.pid"], "seconds": 300})
    bench.put(*(alert(number, fields={"proc.pid": number % 4}) for number in range(12)))
    await bench.run()
    bench.clock.now += 301

    def stop() -> None:
        if len(bench.receiver.sent) == 5:
            bench.worker.delivery.stop()

    bench.receiver.fails = stop
    await bench.run(until=lambda: bench.finished)
    # The request under way is finished.
    assert [each.count for each in bench.receiver.sent] == [1, 1, 1, 1, 2, 2]
    bench.restart()
    await bench.run()
    assert [each.count for each in bench.receiver.sent] == [1, 1, 1, 1, 2, 2, 2, 2]


async def test_grouping_taken_away_tells_what_was_counted() -> None:
    bench = support.Bench(grouping={"by": ["rule"], "seconds": 3600})
    bench.put(*support.many(10))
    await bench.run()
    bench.wanted = bench.wanted.model_copy(update={"grouping": None})
    bench.restart()
    bench.put(alert(10))
    await bench.run()
    assert [each.count for each in bench.receiver.sent] == [1, 9, 1]
    assert bench.spool.kept is None


async def test_repeats_whose_latest_is_gone_do_not_stop_anything() -> None:
    bench = support.Bench(grouping={"by": ["rule"], "seconds": 300})
    bench.put(*support.many(3))
    await bench.run()
    bench.spool.gone = 3
    bench.put(alert(3, rule="Another"))
    await bench.run(seconds=310)
    assert bench.receiver.uuids == [alert(0).uuid, alert(3).uuid]
    assert bench.worker.held == 0


async def test_stopped_between_two_messages_nothing_is_sent_twice() -> None:
    bench = support.Bench(grouping={"by": ["proc.pid"], "seconds": 300})
    bench.put(*(alert(number, fields={"proc.pid": number % 6}) for number in range(12)))

    def stop() -> None:
        if len(bench.receiver.sent) == 2:
            bench.worker.delivery.stop()

    bench.receiver.fails = stop
    await bench.run(until=lambda: bench.finished)
    bench.restart()
    await bench.run(seconds=310)
    assert [each.count for each in bench.receiver.sent] == [1] * 12
    assert len(set(bench.receiver.uuids)) == 12

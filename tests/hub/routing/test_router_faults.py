"""Whole sinks behind a real store, against receivers that fail: nothing is lost, the order is kept, others go on."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hub.sinks import support

from falcon_hub.routing import router
from falcon_hub.settings import model
from falcon_hub.store import store

FAST = {"retry": {"initial_seconds": 0.01, "longest_seconds": 0.05}, "breaker": {"failures": 4, "pause_seconds": 0.05}}
COUNT = 40


@contextlib.asynccontextmanager
async def _hub(path: Path, *sinks: dict[str, Any]) -> AsyncIterator[tuple[store.Store, router.Router]]:
    said: list[str] = []
    async with await store.Store.open(f"sqlite:///{path / 'hub.db'}") as kept:
        found = [model.Sink.model_validate(each) for each in sinks]
        async with router.Router.make(found, FAST, kept, said.append) as routed:
            yield kept, routed
    assert not any(support.SECRET in each for each in said)


def _sink(kind: support.Kind, url: str, **given: Any) -> dict[str, Any]:
    # Without a limit, so that every alert is a message of its own.
    common = {"name": kind.type, "type": kind.type, "rate_limit": {"messages": 100_000}, "text": "{{ output }}"}
    return common | kind.own(url) | given


def _numbers(receiver: support.Receiver) -> list[int]:
    """Of all alerts in what was taken, in order."""
    found = []
    for seen in receiver.taken:
        # Each request of a chat names its alert several times, a batch many alerts.
        numbers = [int(each) for each in re.findall(r"number\\*=(\d{5})", seen.body)]
        found += list(dict.fromkeys(numbers))
    return found


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not holds():  # noqa: ASYNC110 (the receiver is on the same loop, and tells of nothing)
            await asyncio.sleep(0.01)


FAULTS: dict[str, list[support.Answer | str]] = {
    "500": [(500, {}, "internal")] * 6,
    "429": [(429, {"Retry-After": "0.05"}, "slow down")] * 3,
    "reset": [support.RESET] * 6,
    "revoked": [(403, {}, "no")] * 6,
    "all of them": [(502, {}, ""), support.RESET, (429, {"Retry-After": "0"}, ""), (503, {}, ""), (401, {}, "")],
}
WEBHOOK = support.KINDS[10]
# All of them for every kind; each by itself for one, as what is done after a failure is the same for all.
CASES = [(kind, "all of them") for kind in support.KINDS] + [(WEBHOOK, fault) for fault in FAULTS if " " not in fault]


@pytest.mark.parametrize(("kind", "fault"), CASES, ids=[f"{kind.type}-{fault}" for kind, fault in CASES])
async def test_a_receiver_that_fails_gets_everything_in_order(kind: support.Kind, fault: str, tmp_path: Path) -> None:
    async with support.receiving() as receiver:
        receiver.otherwise = kind.ok
        async with _hub(tmp_path, _sink(kind, receiver.url)) as (kept, routed):
            await kept.add([support.alert(number) for number in range(COUNT // 2)])
            await _until(lambda: COUNT // 2 - 1 in _numbers(receiver))
            receiver.script = list(FAULTS[fault])
            await kept.add([support.alert(number) for number in range(COUNT // 2, COUNT)])
            await _until(lambda: COUNT - 1 in _numbers(receiver))
            (state,) = await routed.states()
    assert _numbers(receiver) == list(range(COUNT))
    assert state.counts.failures >= 1
    assert (state.counts.delivered, state.dead) == (COUNT, 0)


@pytest.mark.parametrize("kind", support.KINDS, ids=lambda kind: kind.type)
async def test_a_receiver_that_comes_back_gets_everything_in_order(kind: support.Kind, tmp_path: Path) -> None:
    """Nobody listens at first: connections are refused."""
    port = support.free_port()
    async with _hub(tmp_path, _sink(kind, f"http://127.0.0.1:{port}")) as (kept, routed):
        await kept.add([support.alert(number) for number in range(COUNT)])
        await _until(lambda: routed.workers[0].delivery.counts.failures >= 3)
        async with support.receiving(port) as receiver:
            receiver.otherwise = kind.ok
            await _until(lambda: COUNT - 1 in _numbers(receiver))
    assert _numbers(receiver) == list(range(COUNT))


async def test_one_that_hangs_delays_no_other(tmp_path: Path) -> None:
    async with support.receiving() as hanging, support.receiving() as working:
        hanging.otherwise = lambda _seen: support.HANG  # type: ignore[assignment, return-value]
        sinks = [_sink(WEBHOOK, each.url, name=name) for name, each in (("h", hanging), ("w", working))]
        sinks[0]["timeout_seconds"] = 50
        async with _hub(tmp_path, *sinks) as (kept, routed):
            await kept.add([support.alert(number) for number in range(COUNT)])
            await _until(lambda: len(working.taken) == COUNT)
            assert hanging.taken == []
            states = await routed.states()
    assert [each.counts.delivered for each in states] == [0, COUNT]


async def test_stopped_and_started_each_arrives_once(tmp_path: Path) -> None:
    """The request under way is finished, and the cursor is behind it."""
    kind = WEBHOOK
    async with support.receiving() as receiver:
        for start in range(0, COUNT, 10):
            async with _hub(tmp_path, _sink(kind, receiver.url)) as (kept, _):
                await kept.add([support.alert(number) for number in range(start, start + 10)])
                await _until(lambda: len(receiver.seen) > start + 3)  # noqa: B023
        async with _hub(tmp_path, _sink(kind, receiver.url)):
            await _until(lambda: len(receiver.taken) >= COUNT)
    assert _numbers(receiver) == list(range(COUNT))


async def test_dead_letters_wait_in_the_store_and_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("falcon_hub.routing.worker.IDLE_SECONDS", 0.05)
    kind = WEBHOOK
    async with support.receiving() as receiver:
        receiver.otherwise = lambda seen: (422, {}, "no") if "number=00003" in seen.body else (200, {}, "")
        async with _hub(tmp_path, _sink(kind, receiver.url)) as (kept, _):
            await kept.add([support.alert(number) for number in range(6)])
            await _until(lambda: len(receiver.seen) == 6)
        async with _hub(tmp_path, _sink(kind, receiver.url)) as (kept, routed):
            (letter,) = await kept.dead_letters.list(kind.type)
            assert (letter.alert.uuid, letter.reason) == (support.alert(3).uuid, "HTTP 422: no")
            receiver.otherwise = lambda _seen: (200, {}, "")
            assert await kept.dead_letters.retry([letter.id]) == 1
            await _until(lambda: len(receiver.taken) == 6)
            async with asyncio.timeout(300):
                while (await routed.states())[0].dead:  # noqa: ASYNC110 (the store tells of no change in them)
                    await asyncio.sleep(0.01)
    assert _numbers(receiver) == [0, 1, 2, 4, 5, 3]


async def test_a_new_sink_begins_now_or_at_the_beginning(tmp_path: Path) -> None:
    kind = WEBHOOK
    async with support.receiving() as now, support.receiving() as all_of_it:
        async with _hub(tmp_path) as (kept, _):
            await kept.add([support.alert(number) for number in range(5)])
        sinks = [_sink(kind, now.url, name="now"), _sink(kind, all_of_it.url, name="all", start="beginning")]
        async with _hub(tmp_path, *sinks) as (kept, _):
            await kept.add([support.alert(5)])
            await _until(lambda: len(now.taken) == 1 and len(all_of_it.taken) == 6)
    assert (_numbers(now), _numbers(all_of_it)) == ([5], list(range(6)))


async def test_one_disabled_keeps_its_place(tmp_path: Path) -> None:
    kind = WEBHOOK
    async with support.receiving() as receiver:
        async with _hub(tmp_path, _sink(kind, receiver.url, enabled=False)) as (kept, routed):
            await kept.add([support.alert(number) for number in range(5)])
            (state,) = await routed.states()
        assert (state.state, state.behind, receiver.seen) == ("disabled", 5, [])
        async with _hub(tmp_path, _sink(kind, receiver.url)):
            await _until(lambda: len(receiver.taken) == 5)

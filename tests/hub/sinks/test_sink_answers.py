"""What a sink makes of its receiver's answers: the same for all that speak HTTP. The receiver is a stand-in."""

from __future__ import annotations

import pytest
from tests.hub.sinks import support

from falcon_hub.sinks import base, http

pytestmark = pytest.mark.parametrize("kind", support.KINDS, ids=lambda kind: kind.type)


async def _send(kind: support.Kind, *answers: support.Answer | str, count: int = 1) -> base.Outcome:
    async with support.receiving() as receiver:
        receiver.otherwise = kind.ok
        receiver.script = list(answers)
        chosen, sink = kind.make(receiver.url)
        try:
            batch = [support.message(sink, chosen, support.alert(number)) for number in range(count)]
            return await support.send(sink, batch)
        finally:
            await sink.close()


async def test_delivered(kind: support.Kind) -> None:
    assert await _send(kind, count=3) == base.Outcome(3)


@pytest.mark.parametrize(("status", "asked"), [(429, 7.0), (503, 7.0), (500, None), (502, None), (408, None)])
async def test_later(kind: support.Kind, status: int, asked: float | None) -> None:
    outcome = await _send(kind, (status, {"Retry-After": "7"} if asked else {}, "busy"), count=2)
    assert outcome.failure is not None
    assert (outcome.done, outcome.refused) == (0, {})
    assert (outcome.failure.retry_after, outcome.failure.broken) == (asked, False)
    assert str(outcome.failure) == f"HTTP {status}: busy"


@pytest.mark.parametrize("fault", [support.RESET, support.HANG])
async def test_no_answer(kind: support.Kind, fault: str) -> None:
    async with support.receiving() as receiver:
        receiver.script = [fault]
        # Long enough for a loaded machine to see the reset; the one that hangs is waited for in full.
        chosen, sink = kind.make(receiver.url, timeout_seconds=0.5 if fault == support.HANG else 20)
        try:
            outcome = await sink.send([support.message(sink, chosen, support.alert())])
        finally:
            await sink.close()
    assert outcome.failure is not None
    assert outcome.done == 0


async def test_nobody_there(kind: support.Kind) -> None:
    chosen, sink = kind.make(f"http://127.0.0.1:{support.free_port()}")
    try:
        outcome = await sink.send([support.message(sink, chosen, support.alert())])
    finally:
        await sink.close()
    assert outcome.failure is not None
    assert "cannot connect" in str(outcome.failure)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 302])
async def test_a_sink_that_is_wrong_costs_no_alert(kind: support.Kind, status: int) -> None:
    outcome = await _send(kind, (status, {"Location": "http://127.0.0.1:1/"} if status == 302 else {}, "no"))
    assert outcome.failure is not None
    assert outcome.failure.broken
    assert (outcome.done, outcome.refused) == (0, {})


@pytest.mark.parametrize("status", [413, 422])
async def test_refused_for_good(kind: support.Kind, status: int) -> None:
    if kind.type in ("elasticsearch", "opensearch") and status == 422:
        pytest.skip("a bulk request as a whole is only refused as too large")
    outcome = await _send(kind, (status, {}, "invalid_payload"))
    assert outcome == base.Outcome(1, {0: f"HTTP {status}: invalid_payload"})


async def test_one_of_many_refused(kind: support.Kind) -> None:
    """Whether a request holds one or all of them, only the alert at fault is lost for the receiver."""
    async with support.receiving() as receiver:

        def answer(seen: support.Seen) -> support.Answer:
            return (413, {}, "too large") if "number=00005" in seen.body.replace("\\", "") else kind.ok(seen)

        receiver.otherwise = answer
        chosen, sink = kind.make(receiver.url, text="{{ output }}")
        try:
            batch = [support.message(sink, chosen, support.alert(number)) for number in range(8)]
            outcome = await support.send(sink, batch)
        finally:
            await sink.close()
    assert outcome == base.Outcome(8, {5: "HTTP 413: too large"})
    taken = "".join(seen.body for seen in receiver.taken).replace("\\", "")
    assert [number for number in range(8) if f"number={number:05}" in taken] == [0, 1, 2, 3, 4, 6, 7]


async def test_what_reads_the_answer_is_bounded(kind: support.Kind) -> None:
    outcome = await _send(kind, (503, {}, "x" * (2 << 20)))
    assert len(str(outcome.failure)) < http.MOST_TOLD + 50

"""Apprise, through one of its own plugins that sends to a receiver of the test's."""

from __future__ import annotations

import asyncio
import logging

import pytest
from tests.hub.sinks import support

from falcon_hub.sinks import base, options, registry


def _sink(receiver: support.Receiver, **given: object) -> tuple[options.Common, base.Sink]:
    address = receiver.url.removeprefix("http://")
    url = f"json://user:{support.SECRET.replace('/', '-')}@{address}/hook"
    chosen = support.wanted("apprise", **({"url": url, "timeout_seconds": 30} | given))
    return chosen, registry.make(chosen)


async def test_delivered() -> None:
    async with support.receiving() as receiver:
        chosen, sink = _sink(receiver)
        message = support.message(sink, chosen, support.alert(), "https://hub.example/?alert={uuid}")
        assert await sink.send([message]) == base.Outcome(1)
        await sink.close()
    document = receiver.taken[0].json
    assert document["title"] == "Warning: Terminal shell in container"
    assert document["type"] == "warning"
    assert document["message"].startswith("A shell was spawned number=00000\nPriority: Warning\n")
    assert document["message"].endswith(f"https://hub.example/?alert={support.alert().uuid}")


async def test_not_delivered_is_tried_again_and_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with support.receiving() as receiver:
        receiver.otherwise = lambda _seen: (500, {}, "")
        chosen, sink = _sink(receiver)
        outcome = await sink.send([support.message(sink, chosen, support.alert())])
        await sink.close()
    assert outcome.failure is not None
    assert (outcome.done, outcome.refused) == (0, {})
    assert "500" in str(outcome.failure)
    assert support.SECRET[:12] not in str(outcome) + caplog.text


async def test_nobody_there() -> None:
    receiver = support.Receiver(f"http://127.0.0.1:{support.free_port()}")
    chosen, sink = _sink(receiver)
    outcome = await sink.send([support.message(sink, chosen, support.alert())])
    assert outcome.failure is not None
    assert support.SECRET[:12] not in str(outcome)


def test_an_address_it_does_not_know_is_told_at_the_start() -> None:
    with pytest.raises(base.Unusable, match="sink it: url: Apprise does not know such an address"):
        registry.make(support.wanted("apprise", url="nosuchservice://token@host"))


async def test_what_fails_beside_it_is_not_taken_for_its_own() -> None:
    """Two at once in threads: what Apprise says of the one may hold a secret that the other does not know."""
    async with support.receiving() as receiver:
        receiver.otherwise = lambda seen: (500 if "/a" in seen.path else 404, {}, "")
        address = receiver.url.removeprefix("http://")
        sinks = [_sink(receiver, url=f"json://{address}/{path}") for path in ("a", "b")]
        outcomes = await asyncio.gather(
            *(sink.send([support.message(sink, chosen, support.alert())]) for chosen, sink in sinks)
        )
    assert ["500" in str(outcomes[0].failure), "404" in str(outcomes[1].failure)] == [True, True]
    assert ["404" in str(outcomes[0].failure), "500" in str(outcomes[1].failure)] == [False, False]

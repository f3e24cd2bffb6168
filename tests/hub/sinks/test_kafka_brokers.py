"""Kafka's sink against two that speak its protocol: librdkafka's mock cluster (with idempotence), and Tansu, a broker.

Apache Kafka itself is not to be had from the registries the tests may use.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import confluent_kafka
import pytest
from tests.hub.sinks import brokers, support
from tests.hub.sinks.brokers import read, running, tansu

from falcon_hub.sinks import base, kafka, registry


@pytest.fixture
def mock_cluster() -> Iterator[str]:
    """Three brokers."""
    owner = confluent_kafka.Producer({"bootstrap.servers": "unused:1", "test.mock.num.brokers": 3, "log_level": 0})
    brokers = owner.list_topics(timeout=30).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in brokers)
    # It lives as long as its owner.
    del owner


async def _delivered(brokers: str, **given: Any) -> list[Any]:
    chosen = support.wanted("kafka", brokers=brokers.split(","), topic="falcon", timeout_seconds=20, **given)
    sink = registry.make(chosen)
    try:
        batch = [support.message(sink, chosen, support.alert(number)) for number in range(100)]
        assert await sink.send(batch[:40]) == base.Outcome(40)
        assert await sink.send(batch[40:]) == base.Outcome(60)
    finally:
        await sink.close()
    return await read(brokers, 100)


async def test_a_cluster_with_idempotence(mock_cluster: str) -> None:
    found = await _delivered(mock_cluster)
    assert sorted(json.loads(each.value)["uuid"] for each in found) == [support.alert(n).uuid for n in range(100)]


async def test_a_broker() -> None:
    async with tansu() as broker:
        found = await _delivered(broker, idempotence=False, compression="gzip")
    assert sorted(each.key.decode() for each in found) == [support.alert(n).uuid for n in range(100)]
    one = next(each for each in found if each.key.decode() == support.alert().uuid)
    assert json.loads(one.value) == support.alert().to_json()
    assert dict(one.headers) == {"uuid": one.key, "rule": b"Terminal shell in container"}
    assert one.timestamp == support.TIME_NS // 1_000_000


async def test_one_key_keeps_the_order() -> None:
    async with tansu() as broker:
        found = await _delivered(broker, idempotence=False, key="k8s.pod.name")
    assert {each.key for each in found} == {b"api-7d9f"}
    assert [json.loads(each.value)["uuid"] for each in found] == [support.alert(n).uuid for n in range(100)]


async def test_a_broker_that_is_away_and_comes_back() -> None:
    port = support.free_port()
    chosen = support.wanted(
        "kafka", brokers=[f"127.0.0.1:{port}"], topic="falcon", timeout_seconds=2, idempotence=False
    )
    sink = registry.make(chosen)
    message = support.message(sink, chosen, support.alert())
    try:
        outcome = await sink.send([message])
        assert outcome.done == 0
        assert outcome.failure is not None
        async with tansu(port) as broker:
            assert await sink.send([message]) == base.Outcome(1)
            assert len(await read(broker, 1)) == 1
        outcome = await sink.send([message])
        assert outcome.failure is not None
    finally:
        await sink.close()


async def test_a_broker_that_hangs_is_a_failure_and_goes_on_later() -> None:
    async with running() as (broker, process):
        chosen = support.wanted("kafka", brokers=[broker], topic="falcon", timeout_seconds=1, idempotence=False)
        sink = registry.make(chosen)
        batch = [support.message(sink, chosen, support.alert(number)) for number in range(5)]
        try:
            while (await sink.send(batch[:1])).failure is not None:
                pass
            await brokers.stop(process)
            hung = await sink.send(batch[1:])
            assert hung.done == 0
            assert hung.failure is not None
            process.send_signal(signal.SIGCONT)
            while (await sink.send(batch[1:])).failure is not None:
                pass
            count = 5
            # What the broker had taken in before it hung is there twice.
            while len(keys := {each.key.decode() for each in await read(broker, count)}) < 5:
                count += 1
        finally:
            await sink.close()
    assert keys == {support.alert(number).uuid for number in range(5)}


async def test_what_is_too_large_is_refused_alone() -> None:
    async with tansu() as broker:
        chosen = support.wanted("kafka", brokers=[broker], topic="falcon", timeout_seconds=20, idempotence=False)
        sink = registry.make(chosen)
        fields: tuple[dict[str, str], ...] = ({}, {"proc.cmdline": "x" * 2_000_000}, {})
        batch = [support.message(sink, chosen, support.alert(n, fields=each)) for n, each in enumerate(fields)]
        outcome = await sink.send(batch)
        await sink.close()
        assert (outcome.done, list(outcome.refused), outcome.failure) == (3, [1], None)
        assert len(await read(broker, 2)) == 2


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "aiokafka", None)
    with pytest.raises(base.Unusable, match="sink it: Kafka needs aiokafka: pip install"):
        registry.make(support.wanted("kafka", brokers=["x:1"], topic="t"))


def test_keys() -> None:
    chosen = support.wanted("kafka", brokers=["x:1"], topic="t")
    message = support.message(kafka.Kafka(chosen), chosen, support.alert())  # type: ignore[arg-type]
    assert kafka.key(message, "hostname") == b"node-1"
    assert kafka.key(message, "no.such.field") == support.alert().uuid.encode()

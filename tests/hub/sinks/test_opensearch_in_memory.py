"""OpenSearch's sink against osmem, an independent implementation of its API that keeps everything in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import osmem_server
import pytest
from tests.hub.sinks import support

from falcon_hub.sinks import base, options, registry


@pytest.fixture
def url() -> Iterator[str]:
    with osmem_server.OsmemServer.start() as server:
        yield server.url


async def _ask(url: str, path: str, document: Any = None, method: str = "GET") -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, f"{url}{path}", json=document) as answer:
        return await answer.json()


def _sink(url: str, **given: Any) -> tuple[options.Common, base.Sink]:
    chosen = support.wanted("opensearch", url=url, timeout_seconds=30, **given)
    return chosen, registry.make(chosen)


async def test_documents_are_there_once_however_often_they_are_sent(url: str) -> None:
    chosen, sink = _sink(url)
    batch = [support.message(sink, chosen, support.alert(number)) for number in range(300)]
    assert await sink.send(batch) == base.Outcome(300)
    assert await sink.send(batch) == base.Outcome(300)
    await sink.close()
    await _ask(url, "/_refresh", method="POST")
    assert (await _ask(url, "/falcon-2026.11.24/_count"))["count"] == 300
    found = await _ask(url, f"/falcon-2026.11.24/_doc/{support.alert(7).uuid}")
    assert found["_source"] == support.alert(7).to_json() | {"@timestamp": found["_source"]["time"]}


async def test_a_search_finds_them(url: str) -> None:
    chosen, sink = _sink(url, index="audit", suffix="none", flatten_fields=True)
    pods = [support.alert(n, fields={"k8s.pod.name": f"pod{n}"}) for n in range(3)]
    assert await sink.send([support.message(sink, chosen, each) for each in pods]) == base.Outcome(3)
    await sink.close()
    await _ask(url, "/_refresh", method="POST")
    query = {"query": {"match": {"output_fields.k8s_pod_name": "pod2"}}}
    hits = (await _ask(url, "/audit/_search", query, "POST"))["hits"]["hits"]
    assert [each["_id"] for each in hits] == [pods[2].uuid]


async def test_a_document_that_does_not_fit_the_mapping_is_refused_alone(url: str) -> None:
    mapping = {"mappings": {"properties": {"output_fields": {"properties": {"port": {"type": "integer"}}}}}}
    await _ask(url, "/strict", mapping, "PUT")
    chosen, sink = _sink(url, index="strict", suffix="none")
    values = (1, "not a number", 3)
    batch = [support.message(sink, chosen, support.alert(n, fields={"port": each})) for n, each in enumerate(values)]
    outcome = await sink.send(batch)
    await sink.close()
    assert (outcome.done, list(outcome.refused), outcome.failure) == (3, [1], None)
    assert outcome.refused[1].startswith("400: ")

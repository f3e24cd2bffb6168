"""A list that is kept current. The API server here is a stand-in that does what the tests need when they need it:
break connections, forget versions, refuse. tests/sensor/cluster watches a real one."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable

import pytest
from aiohttp import web

from falcon_sensor.clients import connection, kube, watch


class Server:
    """Stands in for the API server. `steps`: what the requests meet, one after another."""

    def __init__(self):
        self.steps: list[Callable] = []
        self.asked: list[dict[str, str]] = []

    async def __aenter__(self):
        application = web.Application()
        application.router.add_get("/api/v1/pods", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        self.api = kube.Api(connection.Connection(f"http://{host}:{port}", ssl.create_default_context()))
        return self

    async def __aexit__(self, *_):
        await self.api.close()
        await self._runner.cleanup()

    async def _serve(self, request):
        self.asked.append(dict(request.query))
        return await self.steps.pop(0)(request)


def listed(version: str, *names: str):
    async def step(request):
        assert "watch" not in request.query
        return web.json_response({"metadata": {"resourceVersion": version}, "items": [pod(each) for each in names]})

    return step


def watched(*events: object, hold: bool = False, cut: bytes = b""):
    """Sends the events, then ends; or waits for ever. cut: ends the connection after these bytes of another event."""

    async def step(request):
        assert request.query["watch"] == "true"
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            await response.write(json.dumps(event).encode() + b"\n")
        if cut:
            await response.write(cut)
            request.transport.abort()
        if hold:
            await asyncio.Event().wait()
        return response

    return step


def refused(status: int, reason: str = "", **headers: str):
    async def step(request):
        body = {"kind": "Status", "code": status, "reason": reason, "message": "no"}
        return web.json_response(body, status=status, headers=headers)

    return step


def pod(name: str, version: str = "1", **more: object) -> dict:
    return {"metadata": {"name": name, "resourceVersion": version}, **more}


def event(kind: str, name: str, version: str, **more: object) -> dict:
    return {"type": kind, "object": pod(name, version, **more)}


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}


@pytest.fixture
async def server():
    async with Server() as running:
        yield running


async def seen(server, count: int, pauses: list[float] | None = None) -> list[object]:
    """The first events of a watch, in short."""
    noted = pauses if pauses is not None else []
    found: list[object] = []
    selected = {"fieldSelector": "spec.nodeName=n"}
    async with asyncio.timeout(20):
        async for each in watch.Watch(server.api, "/api/v1/pods", selected, noted.append).events():
            match each:
                case watch.Synced(items=items):
                    found.append([item["metadata"]["name"] for item in items])
                case watch.Changed(change=change, object=changed):
                    found.append(f"{change} {changed['metadata']['name']}")
                case _:
                    found.append(type(each).__name__)
            if len(found) == count:
                break
    return found


async def test_a_list_and_what_changes_after_it(server):
    server.steps = [
        listed("10", "a"),
        watched(event("ADDED", "b", "11"), event("MODIFIED", "a", "12"), event("DELETED", "a", "13"), hold=True),
    ]
    assert await seen(server, 4) == [["a"], "ADDED b", "MODIFIED a", "DELETED a"]
    first, second = server.asked
    assert first == {"fieldSelector": "spec.nodeName=n"}
    assert second["resourceVersion"] == "10"
    assert second["fieldSelector"] == "spec.nodeName=n"
    assert second["allowWatchBookmarks"] == "true"


async def test_a_watch_that_ends_goes_on_where_it_was(server):
    server.steps = [
        listed("10"),
        watched(event("ADDED", "a", "11"), event("BOOKMARK", "", "20")),
        watched(event("ADDED", "b", "21"), hold=True),
    ]
    assert await seen(server, 3) == [[], "ADDED a", "ADDED b"]
    assert [each.get("resourceVersion") for each in server.asked] == [None, "10", "20"]


async def test_a_connection_that_breaks_is_told_and_nothing_is_missed(server):
    server.steps = [
        listed("10"),
        watched(event("ADDED", "a", "11"), cut=b'{"type": "ADDED", "object": {"metadata": {"na'),
        watched(event("ADDED", "b", "12"), hold=True),
    ]
    assert await seen(server, 5) == [[], "ADDED a", "Lost", "Connected", "ADDED b"]
    assert server.asked[-1]["resourceVersion"] == "11"


@pytest.mark.parametrize("forgotten", [refused(410, "Expired"), watched(GONE)], ids=["answer", "event"])
async def test_a_version_that_is_too_old_means_a_new_list(server, forgotten):
    server.steps = [listed("10", "a"), forgotten, listed("50", "b"), watched(event("ADDED", "c", "51"), hold=True)]
    assert await seen(server, 3) == [["a"], ["b"], "ADDED c"]
    assert server.asked[-1]["resourceVersion"] == "50"


async def test_failures_are_told_once_and_tried_again_after_growing_pauses(server):
    server.steps = [*[refused(500)] * 5, listed("10", "a"), watched(hold=True)]
    pauses: list[float] = []
    assert await seen(server, 2, pauses) == ["Lost", ["a"]]
    bounds = [watch.FIRST_PAUSE * 2**number for number in range(5)]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))


async def test_a_server_that_asks_for_patience_is_given_it(server):
    server.steps = [refused(429, **{"Retry-After": "7"}), listed("10", "a"), watched(hold=True)]
    pauses: list[float] = []
    assert await seen(server, 2, pauses) == ["Lost", ["a"]]
    assert pauses == [7.0]


async def test_watches_that_end_at_once_do_not_become_a_flood(server):
    server.steps = [listed("10", "a"), *[watched()] * 4, watched(event("ADDED", "b", "11"), hold=True)]
    pauses: list[float] = []
    assert await seen(server, 2, pauses) == [["a"], "ADDED b"]
    assert len(pauses) == 4
    assert pauses[3] > pauses[0]


async def test_an_object_larger_than_a_line_of_the_library(server):
    large = event("ADDED", "large", "11", spec={"text": "x" * 1_000_000})
    server.steps = [listed("10"), watched(large, hold=True)]
    assert await seen(server, 2) == [[], "ADDED large"]


@pytest.mark.parametrize("rubbish", [[], {"type": "NEW", "object": {"metadata": {"resourceVersion": "1"}}}, 5])
async def test_an_event_that_makes_no_sense_means_a_new_list(server, rubbish):
    server.steps = [listed("10"), watched(rubbish), listed("11", "a"), watched(hold=True)]
    assert await seen(server, 3) == [[], "Lost", ["a"]]

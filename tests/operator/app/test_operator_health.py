"""What the kubelet and Prometheus are answered."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from tests.operator.support.world import free_port

from falcon_operator.app.health import Health


@pytest.fixture
async def served():
    state = {"synced": True, "compiled": False}
    port = free_port()
    ready = {"synced": lambda: state["synced"], "compiled": lambda: state["compiled"]}
    health = Health(port, {}, ready, host="127.0.0.1")
    task = asyncio.create_task(health.run())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(path: str) -> tuple[int, str]:
            while True:
                try:
                    async with session.get(path) as response:
                        return response.status, await response.text()
                except aiohttp.ClientConnectorError:
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.01)

        yield get, state
    task.cancel()
    await asyncio.wait([task])


async def test_it_is_ready_when_every_check_holds(served):
    get, state = served
    assert await get("/readyz") == (503, "+ synced\n- compiled\n")
    state["compiled"] = True
    assert await get("/readyz") == (200, "+ synced\n+ compiled\n")


async def test_it_is_live_while_it_answers(served):
    get, _ = served
    assert (await get("/livez"))[0] == 200


async def test_metrics_are_in_the_text_format_of_prometheus(served):
    get, _ = served
    status, text = await get("/metrics")
    assert status == 200
    for name in ("api_requests_total", "pushes_total", "leader", "admission_reviews_total", "compile_seconds_bucket"):
        assert f"falcon_operator_{name}" in text or f"# TYPE falcon_operator_{name.removesuffix('_bucket')}" in text

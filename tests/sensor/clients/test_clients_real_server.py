"""The watch and the client against a real API server, which goes away and comes back."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from falcon_sensor.clients import connection, kube, watch


async def test_a_watch_outlives_the_api_server(own_server):
    namespace = f"falcon-watch-{uuid.uuid4().hex[:8]}"
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def follow(api):
        async for event in watch.Watch(api, path).events():
            match event:
                case watch.Synced(items=items):
                    await seen.put(f"all {sorted(each['metadata']['name'] for each in items)}")
                case watch.Changed(change=change, object=changed):
                    await seen.put(f"{change} {changed['metadata']['name']}")
                case watch.Lost():
                    await seen.put("lost")

    async def next_ones(count):
        async with asyncio.timeout(90):
            return [await seen.get() for _ in range(count)]

    async with kube.Api(connection.find(str(own_server.kubeconfig))) as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        following = asyncio.create_task(follow(api))
        try:
            assert await next_ones(1) == ["all []"]
            await api.create(path, {"metadata": {"name": "a"}})
            await api.patch(f"{path}/a", {"data": {"x": "y"}})
            assert await next_ones(2) == ["ADDED a", "MODIFIED a"]
            await asyncio.to_thread(own_server.restart, 0.5)
            assert await next_ones(1) == ["lost"]
            await api.create(path, {"metadata": {"name": "b"}})
            await api.request("DELETE", f"{path}/a")
            # It may go on where it was, or have lost its place and list anew: either way it arrives at the truth.
            last = ""
            while last not in ("DELETED a", "all ['b']"):
                (last,) = await next_ones(1)
        finally:
            following.cancel()


async def test_a_version_that_is_gone_is_answered_by_a_new_list(own_server):
    """410 Gone, of a real server whose etcd was compacted."""
    namespace = f"falcon-gone-{uuid.uuid4().hex[:8]}"
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    async with kube.Api(connection.find(str(own_server.kubeconfig))) as api, asyncio.timeout(90):
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await api.create(path, {"metadata": {"name": "before"}})
        events = watch.Watch(api, path).events()
        first = await anext(events)
        assert isinstance(first, watch.Synced)
        assert [each["metadata"]["name"] for each in first.items] == ["before"]
        # While it does not watch: one comes, one goes, and then the version it would go on from is forgotten.
        await api.create(path, {"metadata": {"name": "meanwhile"}})
        await api.request("DELETE", f"{path}/before")
        await asyncio.to_thread(own_server.compact)
        found = await anext(events)
        assert isinstance(found, watch.Synced)
        assert [each["metadata"]["name"] for each in found.items] == ["meanwhile"]
        assert api.requests["WATCH", "410"] + api.requests["WATCH", "200"] == 1
        # And it goes on from there.
        await api.create(path, {"metadata": {"name": "after"}})
        changed = await anext(events)
        assert isinstance(changed, watch.Changed)
        assert (changed.change, changed.object["metadata"]["name"]) == (watch.Change.ADDED, "after")


async def test_refusals_of_a_real_server(kubeconfig):
    async with kube.Api(connection.find(str(kubeconfig))) as api:
        for attempt, status, reason in (
            (api.get("/api/v1/namespaces/none-of-this-name"), 404, "NotFound"),
            (api.create("/api/v1/namespaces", {"metadata": {"name": "default"}}), 409, "AlreadyExists"),
            (api.list("/api/v1/pods", {"limit": "1", "continue": "rubbish"}), 400, "BadRequest"),
        ):
            with pytest.raises(kube.ApiError) as caught:
                await attempt
            assert (caught.value.status, caught.value.reason) == (status, reason)
        review = await api.review_token("rubbish", ["falcon-sensor"])
        assert not review.authenticated
        assert review.error

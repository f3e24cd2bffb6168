"""Requests to a real API server, and what their failures are told apart by."""

from __future__ import annotations

import pytest
from tests.operator.support import metrics
from tests.operator.support.world import free_port

from falcon_operator.clients import api, connection, errors, kinds, leases


def counted(verb: str, resource: str) -> int:
    return metrics.total(api.REQUESTS, verb=verb, resource=resource)


async def test_objects_are_made_read_patched_and_deleted(world):
    made = await world.rule("verbs")
    assert made["metadata"]["generation"] == 1
    patched = await world.api.patch(kinds.CLUSTER_FALCON_RULE, "verbs", {"spec": {"priority": "Error"}})
    assert patched["spec"]["priority"] == "Error"
    assert patched["metadata"]["generation"] == 2
    await world.api.delete(kinds.CLUSTER_FALCON_RULE, "verbs")
    with pytest.raises(errors.NotFound):
        await world.api.get(kinds.CLUSTER_FALCON_RULE, "verbs")


async def test_a_status_is_written_apart_from_the_spec(world):
    await world.rule("apart")
    patch = {"status": {"observedGeneration": 1}, "spec": {"priority": "Error"}}
    await world.api.patch(kinds.CLUSTER_FALCON_RULE, "apart", patch, subresource="status")
    found = await world.api.get(kinds.CLUSTER_FALCON_RULE, "apart")
    assert (found["spec"]["priority"], found["status"]) == ("Warning", {"observedGeneration": 1})


async def test_a_status_for_a_namesake_is_a_conflict(world):
    first = await world.rule("namesake")
    await world.api.delete(kinds.CLUSTER_FALCON_RULE, "namesake")
    await world.rule("namesake")
    version = first["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "status": {"observedGeneration": 1}}
    with pytest.raises(errors.Conflict):
        await world.api.patch(kinds.CLUSTER_FALCON_RULE, "namesake", patch, subresource="status")


async def test_lists_of_metadata_have_no_specs(world):
    await world.rule("light")
    listing = await world.api.list_metadata(kinds.CLUSTER_FALCON_RULE)
    found = {each["metadata"]["name"]: each for each in listing.items}
    assert "spec" not in found["light"]
    assert int(listing.version) >= int(found["light"]["metadata"]["resourceVersion"])


async def test_an_object_that_is_there_already_is_a_conflict(world):
    await world.rule("twice")
    with pytest.raises(errors.Conflict):
        await world.rule("twice")


async def test_a_refusal_says_what_the_api_server_said(world):
    with pytest.raises(errors.ApiError, match="priority") as caught:
        await world.rule("odd", priority="Urgent")
    assert caught.value.status == 422


async def test_every_request_is_counted(world):
    before = counted("list", "clusterfalconrules")
    await world.api.list(kinds.CLUSTER_FALCON_RULE)
    assert counted("list", "clusterfalconrules") == before + 1


async def test_a_lease_is_written_only_over_what_was_read(world):
    ours = leases.Leases(world.api, "contested", world.namespace)
    assert await ours.read() is None
    first = await ours.write(leases.Record("one", 15, "", 0, None))
    await ours.write(leases.Record("two", 15, "", 1, first.version))
    with pytest.raises(errors.Conflict):
        await ours.write(leases.Record("one", 15, "", 0, first.version))
    stored = await ours.read()
    assert stored is not None
    assert stored.holder == "two"


async def test_a_server_that_is_not_there_is_unreachable(kubeconfig, tmp_path):
    text = kubeconfig.read_text()
    server = next(line.split()[-1] for line in text.splitlines() if line.strip().startswith("server:"))
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(text.replace(server, f"https://127.0.0.1:{free_port()}"))
    async with await api.connect(elsewhere) as connected:
        with pytest.raises(errors.Unreachable):
            await connected.list(kinds.CLUSTER_FALCON_RULE)


async def test_without_any_connection_it_is_said_what_to_do():
    with pytest.raises(connection.NoConnection, match="--kubeconfig"):
        await api.connect(None)

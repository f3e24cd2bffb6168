"""Two replicas, of which one ends; and an API server that ends and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from tests.operator.support import limited, scene
from tests.operator.support.world import World, eventually

from falcon_operator.app.operator import Operator
from falcon_operator.clients import errors, kinds, leases


def process(world: World, name: str, folder: Path) -> subprocess.Popen[bytes]:
    """A replica in a process of its own, as in its pod."""
    settings = world.settings(pod_name=name)
    given = {
        f"FALCON_OPERATOR_{key.upper()}": str(value)
        for key, value in settings.model_dump().items()
        if value is not None
    }
    log = open(folder / f"{name}.log", "wb")  # noqa: SIM115 - the process has it until it ends
    command = [sys.executable, "-m", "falcon_operator", "run"]
    return subprocess.Popen(command, env={**os.environ, **given}, stdout=log, stderr=log)


async def holder(world: World) -> str:
    record = await leases.Leases(world.api, "falcon-operator", world.namespace).read()
    return record.holder if record is not None else ""


async def test_only_one_of_two_leads_and_the_other_takes_over_at_once(world):
    async with world.operator("two") as two:
        async with world.operator("one") as one:
            await eventually(lambda: holder(world))
            await asyncio.gather(one.compilation.first.wait(), two.compilation.first.wait())
            leader, other = (one, two) if one.election.leading.is_set() else (two, one)
            assert leader.election.leading.is_set()
            assert not other.election.leading.is_set()
            # The one that does not lead checks what is applied all the same.
            await eventually(lambda: asyncio.sleep(0, other.admission.serving.is_set()))
        async with scene.sensors(world, "node-1"):
            await world.rule("after")
            await eventually(lambda: scene.is_ready(world, "after", 1))
            assert two.election.leading.is_set()


async def test_a_killed_leader_is_replaced(world, tmp_path):
    doomed = process(world, "doomed", tmp_path)
    try:

        async def leads() -> bool:
            assert doomed.poll() is None, (tmp_path / "doomed.log").read_text()
            return await holder(world) == "doomed"

        await eventually(leads)
        async with world.operator("heir") as heir, scene.sensors(world, "node-1") as (sensor,):
            await heir.compilation.first.wait()
            await world.rule("before")
            await eventually(lambda: scene.is_ready(world, "before", 1))
            revision = scene.revision(sensor)
            doomed.send_signal(signal.SIGKILL)
            await world.rule("meanwhile")
            await eventually(lambda: scene.is_ready(world, "meanwhile", 1), patience=60.0)
            assert heir.election.leading.is_set()
            assert scene.revision(sensor) > revision
    finally:
        doomed.kill()
        doomed.wait()


async def test_sigterm_ends_a_replica_well(world, tmp_path):
    replica = process(world, "leaving", tmp_path)
    try:
        await eventually(lambda: holder(world))
        replica.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(replica.wait, 20) == 0
        assert await holder(world) == "", "the Lease was given back"
        log = (tmp_path / "leaving.log").read_text()
        assert "Traceback" not in log
        assert "stopped" in log
    finally:
        replica.kill()
        replica.wait()


async def test_an_api_server_that_was_away_is_caught_up_with(own_server, world):
    async with world.operator() as operator, scene.sensors(world, "node-1") as (sensor,):
        await world.rule("removed")
        await world.rule("kept")
        await eventually(lambda: scene.is_ready(world, "kept", 1))
        await asyncio.to_thread(own_server.restart, 4.0)
        await eventually(lambda: deleted(world, "removed"))
        await world.rule("added")
        await eventually(lambda: scene.is_ready(world, "added", 1), patience=60.0)
        # That one is gone is told by no watch after such a time, only by a comparison.
        wanted = {"cluster/kept", "cluster/added"}
        await eventually(lambda: asyncio.sleep(0, set(scene.uids(sensor)) == wanted))
        await eventually(lambda: asyncio.sleep(0, operator.election.leading.is_set()))


async def test_the_last_of_a_kind_deleted_while_the_watch_was_broken_is_gone(own_server, world):
    """Restarted, the API server knows no version of before, and answers 410; the new list of that kind is empty."""
    async with world.operator() as operator, scene.sensors(world, "node-1") as (sensor,):
        await world.rule("only")
        await eventually(lambda: scene.is_ready(world, "only", 1))
        restarted = asyncio.create_task(asyncio.to_thread(own_server.restart, 4.0))
        await eventually(lambda: answers(operator, 503, "- watches"))
        await restarted
        await eventually(lambda: deleted(world, "only"))
        await eventually(lambda: asyncio.sleep(0, scene.uids(sensor) == []), patience=60.0)
        await eventually(lambda: answers(operator, 200, "+ watches"), patience=60.0)


async def answers(operator: Operator, status: int, line: str) -> bool:
    """Whether /readyz does."""
    url = f"http://127.0.0.1:{operator.health.port}/readyz"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as found:
            return found.status == status and line in (await found.text()).splitlines()
    except aiohttp.ClientConnectorError:
        return False  # It has only just started.


async def test_a_replica_that_may_not_watch_is_not_ready(world):
    """Rights that somebody took away: it can list, and would serve what it knew once as the truth."""
    operator, grant = await limited.operator(world, without="watch")
    async with operator as running:
        await eventually(lambda: answers(running, 503, "- watches"))
        await grant()
        await eventually(lambda: answers(running, 200, "+ watches"))


async def deleted(world: World, name: str) -> bool:
    try:
        await world.api.delete(kinds.CLUSTER_FALCON_RULE, name)
    except errors.Unreachable:
        return False
    return True


async def test_what_a_watch_missed_is_found(world):
    """kopf tells of no deletion that happened while its watch was broken."""
    async with world.operator() as operator, scene.sensors(world, "node-1") as (sensor,):
        real = await world.rule("real")
        await eventually(lambda: scene.is_ready(world, "real", 1))
        phantom = {**real, "metadata": {**real["metadata"], "name": "phantom", "uid": "phantom"}}
        operator.cluster.rules[kinds.CLUSTER_FALCON_RULE].event("ADDED", phantom)

        async def has(*uids: str) -> bool:
            return set(scene.uids(sensor)) == {f"cluster/{uid}" for uid in uids}

        await eventually(lambda: has("real", "phantom"))
        operator.cluster._audit.soon()
        await eventually(lambda: has("real"))


@pytest.mark.parametrize("kept", ["ca", "tls", "admission"])
async def test_certificates_are_renewed_in_time_and_nobody_is_locked_out(world, kept):
    """Any one of the Secrets is emptied, as an administrator might; all fit together again."""
    async with world.operator() as operator, scene.sensors(world, "node-1"):
        await world.rule("before")
        await eventually(lambda: scene.is_ready(world, "before", 1))
        await world.api.patch(kinds.SECRET, f"falcon-{kept}", {"data": None}, world.namespace)
        await eventually(operator.rotation.turn)
        async with scene.sensors(world, "node-2"):
            await world.rule("after")
            if kept == "ca":
                # The old CA is lost, and with it the trust in the first sensor until it shows a new certificate.
                await eventually(lambda: loaded(world, "after", 1))
            else:
                await eventually(lambda: scene.is_ready(world, "after", 2))


async def loaded(world: World, name: str, count: int) -> bool:
    return bool((await world.status(name)).get("nodes", {}).get("loaded", 0) >= count)

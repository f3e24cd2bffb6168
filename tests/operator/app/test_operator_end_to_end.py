"""From a rule in the API server to sensors that have it, and back to the rule's status."""

from __future__ import annotations

from tests.operator.support import metrics, scene
from tests.operator.support.sensor import StandInSensor
from tests.operator.support.world import NAMESPACES, World, eventually

from falcon_operator.clients import api, kinds
from falcon_operator.handlers import writer


def requests(*verbs: str) -> int:
    """How many so far."""
    return sum(metrics.total(api.REQUESTS, verb=verb) for verb in verbs)


def writes(resource: str) -> int:
    return metrics.total(writer.WRITES, resource=resource)


async def test_a_rule_reaches_the_sensor_and_its_status_says_so(world):
    async with world.operator(), scene.sensors(world, "node-1") as (sensor,):
        await world.rule("shells")
        await eventually(lambda: scene.is_ready(world, "shells", 1))
        assert scene.uids(sensor) == ["cluster/shells"]
        status = await world.status("shells")
        assert status["nodes"] == {"desired": 1, "loaded": 1, "failed": 0}
        node = await eventually(lambda: world.status("node-1", kinds.FALCON_NODE))
        assert node["wanted"] == sensor.digest


async def test_a_falconnode_belongs_to_its_node(world):
    """So that the garbage collector takes it, should no operator be there when the Node goes."""
    async with world.operator(), scene.sensors(world, "node-1"):
        await world.rule("any")
        await eventually(lambda: scene.is_ready(world, "any", 1))
        node = await world.api.get(kinds.NODE, "node-1")
        made = await world.api.get(kinds.FALCON_NODE, "node-1")
        assert made["metadata"]["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": node["metadata"]["uid"]}
        ]


async def test_a_status_that_says_it_all_is_not_written_again(world):
    async with world.operator(status_seconds=0.2, poll_seconds=0.3), scene.sensors(world, "n1", "n2", "n3") as started:
        await world.rule("quiet")
        await eventually(lambda: scene.is_ready(world, "quiet", 3))
        await eventually(lambda: settled(world, started))
        before, written = requests("patch", "create", "delete"), writes("clusterfalconrules")
        version = (await world.api.get(kinds.CLUSTER_FALCON_RULE, "quiet"))["metadata"]["resourceVersion"]
        # Three sensors are asked several times meanwhile, and statuses are computed anew.
        seen = requests("get")
        await eventually(lambda: polled(world, seen))
        assert requests("patch", "create", "delete") == before
        assert writes("clusterfalconrules") == written
        found = await world.api.get(kinds.CLUSTER_FALCON_RULE, "quiet")
        assert found["metadata"]["resourceVersion"] == version


async def settled(world: World, started: list[StandInSensor]) -> bool:
    """Whether each FalconNode says what its sensor has in force now, and those of earlier tests are gone."""
    if len((await world.api.list(kinds.FALCON_NODE)).items) != len(started):
        return False
    statuses = [await world.status(sensor.node, kinds.FALCON_NODE) for sensor in started]
    return [each.get("loaded") for each in statuses] == [sensor.digest for sensor in started]


async def polled(world: World, seen: int) -> bool:
    """Some time later, told by our own requests instead of a clock."""
    await world.api.get(NAMESPACES, world.namespace)
    return requests("get") >= seen + 40


async def test_a_rule_costs_few_writes_however_many_sensors_there_are(world):
    nodes = [f"many-{number}" for number in range(12)]
    async with world.operator(push_concurrency=2), scene.sensors(world, *nodes) as started:
        await world.rule("first")
        await eventually(lambda: scene.is_ready(world, "first", 12))
        before = writes("clusterfalconrules")
        for sensor in started:
            sensor.seconds = 0.3
        await world.rule("second")
        await eventually(lambda: scene.is_ready(world, "second", 12))
        # In the rollout's two seconds: it begins, perhaps a count, it is done.
        assert writes("clusterfalconrules") - before <= 4


async def test_a_broken_rule_stays_in_force_as_it_last_was_also_after_a_restart(world):
    async with world.operator("one"), scene.sensors(world, "node-1") as (sensor,):
        await world.rule("kept")
        await eventually(lambda: scene.is_ready(world, "kept", 1))
        await world.api.patch(kinds.CLUSTER_FALCON_RULE, "kept", {"spec": {"condition": "proc.nam = x"}})

        async def broken() -> bool:
            ready: tuple[str, str] = await world.condition("kept", "Ready")
            return ready == ("False", "LastGoodInForce")

        await eventually(broken)
        await eventually(lambda: world.secret("held"))
        (entry, *_) = (await world.status("kept"))["diagnostics"]
        assert (entry["document"], entry["line"], entry["suggestion"]) == ("spec.condition", 1, "proc.name")
        assert scene.uids(sensor) == ["cluster/kept"]
        await world.rule("other")
        await eventually(lambda: scene.is_ready(world, "other", 1))
    # Only now: the sensor of `scene.sensors` ended with it. Another takes its place.
    async with world.operator("two"), scene.sensors(world, "node-2") as (sensor,):

        async def served() -> bool:
            return set(scene.uids(sensor)) == {"cluster/kept", "cluster/other"}

        await eventually(served)


async def test_a_namespace_takes_its_rules_along(world):
    async with world.operator(), scene.sensors(world, "node-1") as (sensor,):
        spec = {"condition": 'proc.name = "x"', "output": "x", "priority": "Notice"}
        await world.make(kinds.FALCON_RULE, {"metadata": {"name": "mine"}, "spec": spec}, world.namespace)
        await world.rule("stays")

        async def both() -> bool:
            return set(scene.uids(sensor)) == {"cluster/stays", f"{world.namespace}/mine"}

        await eventually(both)
        # No controllers run here; what they do of a namespace's end is to delete what is in it.
        await world.api.delete(kinds.FALCON_RULE, "mine", world.namespace)

        async def one() -> bool:
            return scene.uids(sensor) == ["cluster/stays"]

        await eventually(one)


async def test_a_sensor_in_trouble_is_told_of_and_served_when_it_is_back(world):
    async with world.operator(backoff_most=0.5), scene.sensors(world, "good", "bad") as (_, bad):
        bad.refuse = 503
        await world.rule("partly")

        async def failed() -> bool:
            status = await world.status("partly")
            return [each["name"] for each in status.get("failedNodes", ())] == ["bad"]

        await eventually(failed)
        assert await world.condition("partly", "Distributed") == ("False", "NodesFailed")
        bad.refuse = None
        await eventually(lambda: scene.is_ready(world, "partly", 2))
        assert "failedNodes" not in await world.status("partly") or not (await world.status("partly"))["failedNodes"]


async def test_the_falcon_node_of_a_node_that_is_gone_is_removed(world):
    async with world.operator(), scene.sensors(world, "leaving"):
        await eventually(lambda: listed(world, "leaving"))
        await world.api.delete(kinds.NODE, "leaving")
        await world.api.request(
            "delete", kinds.POD, kinds.POD.path("sensor-leaving", world.namespace), body={"gracePeriodSeconds": 0}
        )

        async def gone() -> bool:
            return not await listed(world, "leaving")

        await eventually(gone)


async def listed(world: World, name: str) -> bool:
    """Whether there is a FalconNode of this name."""
    listing = await world.api.list(kinds.FALCON_NODE)
    return name in [each["metadata"]["name"] for each in listing.items]

"""An operator with stand-in sensors on nodes of their own: what tests of the whole start from."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator

from tests.operator.support.sensor import StandInSensor
from tests.operator.support.world import World, eventually

from falcon_operator.app import certificates


async def certified(world: World) -> certificates.Pair:
    """The sensors' certificate, as soon as an operator has made it."""
    data = await eventually(lambda: world.secret("tls"))
    return certificates.Pair(*(base64.b64decode(data[key]).decode() for key in ("tls.crt", "tls.key")))


@contextlib.asynccontextmanager
async def sensors(world: World, *nodes: str) -> AsyncIterator[list[StandInSensor]]:
    """Sensors on these nodes, up and known to the API server. An operator must be running, for certificates."""
    pair = await certified(world)
    started = [StandInSensor(node) for node in nodes]
    try:
        for sensor in started:
            await sensor.start(pair)
            await world.add_node(sensor)
        yield started
    finally:
        for sensor in started:
            await sensor.stop()


def uids(sensor: StandInSensor) -> list[str]:
    """The rules that the sensor has in force."""
    return [] if sensor.in_force is None else [rule.uid for rule in sensor.in_force.rules]


def revision(sensor: StandInSensor) -> int:
    """Of the bundle in force, 0 for none."""
    return sensor.in_force.revision if sensor.in_force is not None else 0


async def is_ready(world: World, name: str, loaded: int) -> bool:
    """Whether a ClusterFalconRule's status says Ready, on so many nodes."""
    status = await world.status(name)
    ready = [each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"]
    return ready == ["True"] and bool(status["nodes"]["loaded"] == loaded)

"""From a rule in the API server to a sensor that has it, and back to the rule's status."""

from __future__ import annotations

import base64

from tests.operator.support.sensor import StandInSensor
from tests.operator.support.world import World, eventually

from falcon_operator.app import certificates
from falcon_operator.clients import kinds


async def certified(world: World) -> certificates.Pair:
    """The sensors' certificate, as soon as the operator has made it."""
    data = await eventually(lambda: world.secret("tls"))
    return certificates.Pair(*(base64.b64decode(data[key]).decode() for key in ("tls.crt", "tls.key")))


async def test_a_rule_reaches_the_sensor_and_its_status_says_so(world):
    sensor = StandInSensor("node-1")
    async with world.operator():
        await sensor.start(await certified(world))
        try:
            await world.add_node(sensor)
            await world.rule("shells")

            async def loaded():
                return await world.condition("shells", "Ready") == ("True", "Ready")

            await eventually(loaded)
            assert [rule.uid for rule in sensor.in_force.rules] == ["cluster/shells"]
            status = await world.status("shells")
            assert status["nodes"] == {"desired": 1, "loaded": 1, "failed": 0}
            node = await world.api.get(kinds.FALCON_NODE, "node-1")
            assert node["status"]["loaded"] == sensor.digest
        finally:
            await sensor.stop()

"""Every default rule, with the real thing happening: what it is for, and what only just is not."""

from __future__ import annotations

import pytest
from tests.e2e.support import sensor, stage
from tests.e2e.support.scenarios import calls, credentials, disabled, escapes, execution, network, shells, tampering

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

BY_DEFAULT = [
    scenario
    for module in (shells, credentials, tampering, execution, network, escapes, calls)
    for scenario in module.SCENARIOS
]


def check(scenario: stage.Scenario, scene: stage.Stage, running: sensor.Sensor) -> None:
    """Plays it; exactly the one expected alert must have come, and it must say who did it where."""
    scenario.play(scene)
    running.settle()
    alerts = running.alerts(scene.mark)
    told = [f"{alert['rule']}: {alert['output']}" for alert in alerts]
    if not scenario.fires:
        assert not told
        return
    assert [alert["rule"] for alert in alerts] == [scenario.rule], told
    fields = alerts[0]["output_fields"]
    missing = [name for name in ("user.name", "proc.name", "proc.pname", "proc.cmdline") if not fields.get(name)]
    assert not missing, told
    where = scene.containers[-1].id[:12] if scene.containers else "host"
    assert fields["container.id"] == where, told


@pytest.mark.parametrize("scenario", BY_DEFAULT, ids=lambda scenario: scenario.id)
def test_default_rule(scenario, scene, default_sensor):
    check(scenario, scene, default_sensor)


@pytest.fixture(scope="module")
def complete_sensor(tmp_path_factory):
    """All rules on. First match would let a rule that is on hide the wider one that is off."""
    names = list(sensor.default_rules())
    options = ['rules[].enable.rule="*"']
    with sensor.Sensor(tmp_path_factory.mktemp("complete"), [sensor.DEFAULT_RULES], names, options) as running:
        yield running


@pytest.mark.parametrize("scenario", disabled.SCENARIOS, ids=lambda scenario: scenario.id)
def test_rule_that_is_off_by_default(scenario, scene, complete_sensor):
    check(scenario, scene, complete_sensor)


def test_every_rule_has_a_scenario_that_fires_and_one_that_does_not():
    rules = sensor.default_rules()
    for scenarios, on in ((BY_DEFAULT, True), (disabled.SCENARIOS, False)):
        wanted = {name for name, enabled in rules.items() if enabled is on}
        assert {each.rule for each in scenarios if each.fires} == wanted
        assert {each.rule for each in scenarios if not each.fires} == wanted

"""The rules that Falco publishes, as they are: each fires on its scenario and not on the near miss.

The rule file and the scenarios are not part of this project; two variables say where they are:
FALCON_STABLE_RULES (the file) and FALCON_CONFORMANCE (the folder with `scenarios.yaml`).
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import uuid
from collections.abc import Iterator

import pytest
import yaml
from tests.e2e.support import sensor

RULES = os.environ.get("FALCON_STABLE_RULES", "")
CASES = os.environ.get("FALCON_CONFORMANCE", "")

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.containers,
    pytest.mark.skipif(not (RULES and CASES), reason="FALCON_STABLE_RULES and FALCON_CONFORMANCE are not set"),
]

API_SERVER = "127.0.0.1 kubernetes.default.svc.cluster.local"
HOSTS = pathlib.Path("/etc/hosts")

Scenario = dict[str, str]


def _cases() -> dict[str, object]:
    path = pathlib.Path(CASES) / "scenarios.yaml"
    return dict(yaml.safe_load(path.read_text())) if CASES else {"prelude": "", "scenarios": []}


def _scenarios() -> list[Scenario]:
    # Without a container runtime there is no privileged container to launch.
    found = _cases()["scenarios"]
    assert isinstance(found, list)
    return [each for each in found if "docker" not in " ".join(each["needs"])]


@pytest.fixture(scope="module")
def api_server() -> Iterator[None]:
    """The machine knows the API server's name. (A route to 192.0.2.1, a documentation address, it has to have.)

    The file is never empty meanwhile: others look names up in it, and another run of this may read it."""
    with HOSTS.open("a") as file:
        file.write(f"{API_SERVER}\n")
    yield
    left = HOSTS.read_text().replace(f"{API_SERVER}\n", "", 1)
    with HOSTS.open("r+") as file:
        file.write(left)
        file.truncate()


@pytest.fixture(scope="module")
def published_sensor(tmp_path_factory: pytest.TempPathFactory, api_server: None) -> Iterator[sensor.Sensor]:
    rules = pathlib.Path(RULES)
    names = [item["rule"] for item in yaml.load(rules.read_text(), Loader=yaml.BaseLoader) if "rule" in item]
    directory = tmp_path_factory.mktemp("published")
    with sensor.Sensor(directory, [rules], names, ["rule_matching=all"]) as running:
        yield running


def _play(script: str, running: sensor.Sensor) -> list[str]:
    """Names of the rules that fired."""
    mark = uuid.uuid4().hex
    text = f"{_cases()['prelude']}\n{script}"
    # In a session of its own: what descends from the tests' terminal is a user's.
    subprocess.run(
        ["bash", "-c", text],
        env=os.environ | {sensor.MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    running.settle()
    return [alert["rule"] for alert in running.alerts(mark)]


@pytest.mark.parametrize("scenario", _scenarios(), ids=lambda scenario: scenario["rule"])
def test_published_rule_fires(scenario: Scenario, published_sensor: sensor.Sensor):
    assert scenario["rule"] in _play(scenario["trigger"], published_sensor)


@pytest.mark.parametrize("scenario", _scenarios(), ids=lambda scenario: scenario["rule"])
def test_published_rule_stays_silent(scenario: Scenario, published_sensor: sensor.Sensor):
    assert scenario["rule"] not in _play(scenario["must_not_trigger"], published_sensor)

"""One sensor with the default rules and one image for all scenarios of a run."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator

import pytest
from tests.e2e.support import runc, sensor, stage
from tests.e2e.support.programs import Programs


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(_reachable(tmp_path_factory.mktemp("programs")))


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory, programs: Programs) -> Iterator[runc.Runtime]:
    directory = tmp_path_factory.mktemp("containers")
    image = _reachable(tmp_path_factory.mktemp("image"))
    yield runc.Runtime(directory, runc.build_image(image, programs))
    left = subprocess.run(["runc", "list", "--quiet"], capture_output=True, text=True).stdout.split()
    ours = {path.name for path in directory.iterdir()}
    assert not ours.intersection(left), "containers were left running"
    assert not ours, "containers left directories behind"


# Per package: the tests of the kernel side, which come later, shall not find its programs attached.
@pytest.fixture(scope="package")
def default_sensor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sensor.Sensor]:
    """The default rules as they are shipped."""
    names = list(sensor.default_rules())
    with sensor.Sensor(tmp_path_factory.mktemp("sensor"), [sensor.DEFAULT_RULES], names) as running:
        yield running


@pytest.fixture
def scene(programs: Programs, runtime: runc.Runtime) -> Iterator[stage.Stage]:
    set_up = stage.Stage(programs, runtime)
    yield set_up
    set_up.close()


def _reachable(directory: pathlib.Path) -> pathlib.Path:
    """pytest's directories are for root alone; scenarios run as other users, too."""
    for each in (directory, *list(directory.parents)[:2]):
        each.chmod(0o755)
    return directory

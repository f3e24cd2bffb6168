"""Node's sensors that really run, in front of a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sensor.cluster.support import accounts, cgroups, keys, running


@pytest.fixture
def team(kubeconfig: Path) -> Iterator[accounts.Accounts]:
    """A namespace of the API server with the operator's account and another one."""
    made = accounts.Accounts(kubeconfig)
    yield made
    made.remove()


@pytest.fixture
def sensor(kubeconfig: Path, team: accounts.Accounts, tmp_path: Path):
    """`sensor(**settings)` starts one; each further call starts another one with the same directories."""
    authority = keys.Authority()
    started: list[running.Running] = []

    def start(**settings: object) -> running.Running:
        each = running.Running(tmp_path, authority, kubeconfig, team.namespace, settings)
        started.append(each)
        each.ready()
        each.client.token = team.token()
        return each

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end()


@pytest.fixture
def pod_cgroup() -> Iterator[cgroups.Cgroups]:
    """Cgroups with names like the kubelet's."""
    with cgroups.Cgroups() as made:
        yield made

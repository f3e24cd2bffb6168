"""A real API server for the tests that need one, or one line that says how to get it.

FALCON_TEST_KUBECONFIG names the kubeconfig of an existing cluster. Otherwise KUBEBUILDER_ASSETS names
a folder with etcd and kube-apiserver (envtest's binaries), which are started for the tests alone.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.operator.support import apiserver
from tests.operator.support.world import World

from falcon_operator.clients import api

HOW = (
    "needs an API server: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver (setup-envtest use -p path), "
    "or FALCON_TEST_KUBECONFIG to a cluster's kubeconfig"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all tests with an API server: a second server would cost more than it saves."""
    for item in items:
        if {"kubeconfig", "own_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("apiserver"))


@pytest.fixture(scope="session")
def _server() -> Iterator[apiserver.ApiServer | None]:
    binaries = apiserver.assets()
    if binaries is None:
        yield None
        return
    server = apiserver.ApiServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def own_server(_server: apiserver.ApiServer | None) -> apiserver.ApiServer:
    """An API server that the test may restart."""
    if _server is None:
        pytest.skip(f"{HOW}; this test restarts it, so only KUBEBUILDER_ASSETS will do")
    return _server


@pytest.fixture
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    if existing := os.environ.get("FALCON_TEST_KUBECONFIG"):
        return Path(existing)
    server = request.getfixturevalue("_server")
    if server is None:
        pytest.skip(HOW)
    return Path(server.kubeconfig)


@pytest.fixture
async def world(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A prepared, empty part of the cluster."""
    async with await api.connect(kubeconfig) as connected:
        made = World(connected, kubeconfig, tmp_path)
        try:
            await made.prepare()
            yield made
        finally:
            await made.clean()

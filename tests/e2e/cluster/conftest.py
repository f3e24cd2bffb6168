"""One installed Falcon for all cluster tests of a run: built, loaded, installed by Helm, and taken away at the end."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Iterator

import pytest
from tests.e2e.cluster.support import access, bodies, images
from tests.e2e.cluster.support.kubectl import Kubectl
from tests.e2e.cluster.support.receiver import NAMESPACE as RECEIVER_NAMESPACE
from tests.e2e.cluster.support.receiver import URL, Receiver, Tracer
from tests.e2e.cluster.support.release import Release
from tests.e2e.cluster.support.team import Team

_HERE = pathlib.Path(__file__).parent


# Before tests/conftest.py, which makes tests with this mark take turns with those of the kernel.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


# Here, not by a mark: all tests are then skipped at one place, which pytest tells in one line.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    if (reason := _missing()) is not None:
        pytest.skip(reason)


_missing = functools.cache(access.missing)


@pytest.fixture(scope="session")
def cluster() -> access.Access:
    """A real one, with the images of this tree on its nodes."""
    found = access.find()
    for archive in images.archives():
        found.load_image(archive)
    return found


@pytest.fixture(scope="session")
def kubectl(cluster: access.Access) -> Kubectl:
    return Kubectl(cluster.kubeconfig)


@pytest.fixture(scope="session")
def image() -> str:
    """What the tests' pods run: there is a bash in the operator's image, and a Python."""
    return f"localhost/falcon/operator:{images.tag()}"


@pytest.fixture(scope="session")
def receiver(kubectl: Kubectl, image: str) -> Iterator[Receiver]:
    running = Receiver(kubectl, image)
    nodes = [item["metadata"]["name"] for item in kubectl.items("nodes")]
    running.start(nodes[0])
    yield running
    if not os.environ.get("FALCON_E2E_KEEP"):
        kubectl.delete("namespace", RECEIVER_NAMESPACE)


@pytest.fixture(scope="session")
def falcon(cluster: access.Access, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """Installed as a user would, apart from what makes tests exact: no limit on alerts, all of them to the receiver."""
    release = Release(cluster.kubeconfig)
    values = {
        "defaultRules": {"enabled": False},
        "sensor": {
            # All at once when the chart's tests change them: one after the other takes three times as long.
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}},
            "settings": {
                "rate_limit": {"alerts": 0},
                "http_output": {"enabled": True, "url": URL},
                "kubernetes_events": {"rate": 100.0, "max_burst": 1000},
            },
        },
    }
    try:
        release.install(values, tmp_path_factory.mktemp("release"))
        release.apply(Tracer.rule())
        yield release
    finally:
        if not os.environ.get("FALCON_E2E_KEEP"):
            release.uninstall()


@pytest.fixture(scope="session")
def watchers(falcon: Release, kubectl: Kubectl, image: str) -> Iterator[Team]:
    """A pod on every node, for the tracer and for whatever needs any pod."""
    team = Team(kubectl, "falcon-e2e-watchers", bodies.wanted_image(image))
    team.start({f"on-{node}": node for node in falcon.nodes()})
    yield team
    team.end()


@pytest.fixture(scope="session")
def tracer(kubectl: Kubectl, receiver: Receiver, watchers: Team) -> Tracer:
    return Tracer(kubectl, receiver, [(watchers.namespace, pod) for pod in watchers.pods])


@pytest.fixture
def team(falcon: Release, kubectl: Kubectl, image: str, request: pytest.FixtureRequest) -> Iterator[Team]:
    """A namespace of the test's own. It goes with the test, and so do cluster-wide rules that `Team.own` marked."""
    made = Team(kubectl, Team.name_for(request.node.name), bodies.wanted_image(image))
    made.start({})
    yield made
    made.end()

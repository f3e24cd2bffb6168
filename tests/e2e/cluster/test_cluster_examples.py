"""Every example of examples/ is taken by a real cluster, and the ones that the tests can act out do what they say."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator

import pytest
import yaml
from tests.e2e.cluster.support import access
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import Release, condition, resource
from tests.e2e.cluster.support.team import Team

EXAMPLES = access.ROOT / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))
NAMESPACE = "shop"


@pytest.fixture(scope="module")
def shop(falcon: Release, kubectl: Kubectl, image: str) -> Iterator[Team]:
    """All examples applied as the README says, and a pod in the namespace they are about."""
    team = Team(kubectl, NAMESPACE, image)
    team.start({"till": None})
    said = kubectl.run("apply", "-f", str(EXAMPLES))
    assert said.count("created") == sum(len(bodies(path)) for path in FILES)
    yield team
    kubectl.delete("-f", str(EXAMPLES))
    team.end()


def bodies(path: pathlib.Path) -> list[Body]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_in_force(falcon: Release, shop: Team, path: pathlib.Path):
    for body in bodies(path):
        if body["spec"].get("nodeSelector"):
            until("it waits for such a node", functools.partial(_waits, falcon, body))
        else:
            falcon.wait_ready(*resource(body))


def _waits(falcon: Release, body: Body) -> bool:
    status = falcon.status(*resource(body))
    return condition(status, "Compiled").get("status") == "True" and condition(status, "Ready")["reason"] == "NoNodes"


ACTS = {
    "unexpected-shell": "sh -c 'true; true'",
    "write-below-etc": "touch /etc/changed",
    "download-in-pod": "cp /bin/true /tmp/wget; /tmp/wget http://somewhere.invalid",
    "Private key read in a pod": "mkdir -p /root/.ssh; echo secret > /root/.ssh/id_ed25519; cat /root/.ssh/id_ed25519",
    "cloud-metadata": "(echo > /dev/tcp/169.254.169.254/80) & sleep 0.5",
    "package-manager-in-pod": "dpkg --version",
    "token-read-by-hand": "cat /var/run/secrets/kubernetes.io/serviceaccount/token",
}
SHOWN = {"unexpected-shell": "Unexpected shell"}


@pytest.mark.parametrize("name", ACTS)
def test_it_tells(shop: Team, falcon: Release, receiver: Receiver, tracer: Tracer, name: str):
    for path in FILES:
        for body in bodies(path):
            if not body["spec"].get("nodeSelector"):
                falcon.wait_ready(*resource(body))
    rule = SHOWN.get(name, name)
    before = len(receiver.of(rule))
    shop.kubectl.says("exec", "-n", NAMESPACE, "till", "--", "bash", "-c", ACTS[name])
    until("an alert", lambda: len(receiver.of(rule)) > before)
    alert = receiver.of(rule)[-1]
    assert alert["output_fields"]["k8s.pod.name"] == "till"


def test_a_terminal_in_the_shop_is_told(shop: Team, falcon: Release, receiver: Receiver):
    falcon.wait_ready("fr", "shell-in-pod", "-n", NAMESPACE)
    before = len(receiver.of("shell-in-pod"))
    shop.shell("till", "/bin/bash", "exit\n")
    until("an alert", lambda: len(receiver.of("shell-in-pod")) == before + 1)
    until("an Event", lambda: falcon.events(NAMESPACE, "ShellInPod"))

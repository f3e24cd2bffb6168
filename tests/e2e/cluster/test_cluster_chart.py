"""The chart in a real cluster: `helm test`, upgrades with their hooks, and the sensor without privileges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Kubectl
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import CHART, NAME, NAMESPACE, Release
from tests.e2e.cluster.support.team import Team

SECRETS = ("ca", "tls", "admission")


def test_helm_test_is_content(falcon: Release):
    output = falcon.helm("test", NAME, "--logs")
    assert [f"{part}: good" in output for part in ("operator", "sensors", "rules")] == [True, True, True]


def written(kubectl: Kubectl) -> dict[str, object]:
    """What the operator keeps in objects of the chart."""
    secrets = {name: kubectl.get("secret", f"{NAME}-{name}", "-n", NAMESPACE)["data"] for name in SECRETS}
    webhook = kubectl.get("validatingwebhookconfiguration", NAME)["webhooks"][0]
    return {**secrets, "caBundle": webhook["clientConfig"]["caBundle"]}


@pytest.fixture(scope="module")
def least_privileged(falcon: Release, kubectl: Kubectl) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    """Sensors with named capabilities; what the operator had written before the upgrade, and after."""
    before = written(kubectl)
    falcon.helm("upgrade", NAME, str(CHART), "--reuse-values", "--set", "sensor.leastPrivileged=true")
    falcon.wait_until_ready()
    yield before, written(kubectl)
    falcon.helm("upgrade", NAME, str(CHART), "--reuse-values", "--set", "sensor.leastPrivileged=false")
    falcon.wait_until_ready()


def test_an_upgrade_keeps_what_the_operator_wrote(
    least_privileged: tuple[dict[str, object], dict[str, object]], falcon: Release, kubectl: Kubectl
):
    before, after = least_privileged
    assert after == before
    for kind in ("clusterrole", "clusterrolebinding"):
        assert not kubectl.find(kind, f"{NAME}-crds"), "the rights to CRDs outlived the upgrade"


def test_a_sensor_with_four_capabilities_sees_and_tells_everything(
    least_privileged: object, falcon: Release, receiver: Receiver, tracer: Tracer, team: Team
):
    team.add({f"on-{node}": node for node in falcon.nodes()})
    output = "%proc.cmdline user=%user.name exe=%proc.exepath parent=%proc.pexepath image=%container.image.repository"
    falcon.apply(team.own(bodies.rule(f"least-{team.word}", condition=bodies.started(team.word), output=output)))
    for pod in team.pods:
        team.exec(pod, "true", team.word)
    tracer.settle()
    alerts = receiver.about(team.word)
    assert len(alerts) == len(team.pods)
    for alert in alerts:
        fields = alert["output_fields"]
        assert fields["user.name"] == "root"
        assert all(fields[name] not in (None, "", "<NA>") for name in ("proc.exepath", "container.image.repository"))

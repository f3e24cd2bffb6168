"""What breaks in real clusters: replicas, sensors, the API server, nodes. Detection goes on meanwhile."""

from __future__ import annotations

import subprocess
import time

import pytest
from tests.e2e.cluster.support import access, bodies
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import NAMESPACE, Release
from tests.e2e.cluster.support.team import Team

_DOWN_SECONDS = 30


def test_the_leader_is_killed_and_another_takes_over(falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver):
    team.add({"inside": None})
    first = falcon.leader()
    (leading,) = [pod for pod in falcon.pods("operator") if pod["metadata"]["name"] in first]
    kubectl.run("delete", "pod", "-n", NAMESPACE, leading["metadata"]["name"], "--grace-period=0", "--force")
    falcon.apply(bodies.rule("after", team.namespace, condition=bodies.started(team.word)))
    assert falcon.leader() != first
    team.exec("inside", "true", team.word)
    receiver.wait_about(team.word)
    falcon.wait_until_ready()


def test_all_operators_are_gone_and_sensors_go_on(
    falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver, tracer: Tracer
):
    team.add({"inside": None})
    falcon.apply(bodies.rule("before", team.namespace, condition=bodies.started(team.word)))
    kubectl.run("scale", "-n", NAMESPACE, "deployment/falcon-operator", "--replicas=0")
    try:
        until("no operator runs", lambda: not falcon.pods("operator"))
        team.exec("inside", "true", f"{team.word}-alone")
        receiver.wait_about(f"{team.word}-alone")
        # failurePolicy is Ignore: rules can be stored all the same.
        kubectl.apply(bodies.rule("meanwhile", team.namespace, condition=bodies.started(f"{team.word}-later")))
    finally:
        kubectl.run("scale", "-n", NAMESPACE, "deployment/falcon-operator", "--replicas=2")
        falcon.wait_until_ready()
    falcon.wait_ready("fr", "meanwhile", "-n", team.namespace)
    team.exec("inside", "true", f"{team.word}-later")
    tracer.settle()
    # Both rules hold for the second one.
    assert sorted(alert["rule"] for alert in receiver.about(f"{team.word}-later")) == ["before", "meanwhile"]


def test_a_sensor_is_killed_and_starts_with_what_it_had(
    falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver, tracer: Tracer
):
    """Without any operator: the last good bundle is on the node."""
    node = falcon.nodes()[-1]
    team.add({"inside": node})
    falcon.apply(bodies.rule("kept", team.namespace, condition=bodies.started(team.word)))
    killed = falcon.sensors()[node]
    revision = falcon.metric(killed, "falcon_sensor_bundle_revision")
    kubectl.run("scale", "-n", NAMESPACE, "deployment/falcon-operator", "--replicas=0")
    try:
        until("no operator runs", lambda: not falcon.pods("operator"))
        kubectl.run("delete", "pod", "-n", NAMESPACE, killed, "--grace-period=0", "--force")
        until("another sensor", lambda: falcon.sensors().get(node) not in (None, killed))
        until("it is ready", lambda: node in falcon.ready_sensors())
        sensor = falcon.sensors()[node]
        assert falcon.metric(sensor, "falcon_sensor_bundle_revision") == revision
        team.exec("inside", "true", team.word)
        receiver.wait_about(team.word)
    finally:
        kubectl.run("scale", "-n", NAMESPACE, "deployment/falcon-operator", "--replicas=2")
        falcon.wait_until_ready()
    status = falcon.wait_ready("fr", "kept", "-n", team.namespace)
    assert status["nodes"]["loaded"] == len(falcon.nodes())
    tracer.settle()
    assert len(receiver.about(team.word)) == 1


def test_the_api_server_is_away_for_half_a_minute(
    falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver, tracer: Tracer
):
    stop, start = access.command("FALCON_E2E_API_STOP"), access.command("FALCON_E2E_API_START")
    if stop is None or start is None:
        pytest.skip("needs FALCON_E2E_API_STOP and FALCON_E2E_API_START: commands that stop and start the API server")
    nodes = falcon.nodes()
    team.add({f"on-{node}": node for node in nodes})
    falcon.apply(bodies.rule("away", team.namespace, condition=bodies.started(team.word)))
    # kubectl exec needs the API server, so the pods are told beforehand to act while it is away.
    for pod in team.pods:
        team.exec(pod, "bash", "-c", f"(sleep 12; /bin/true {team.word} {pod}) >/dev/null 2>&1 </dev/null &")
    subprocess.run(stop, check=True)
    try:
        time.sleep(_DOWN_SECONDS)
    finally:
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL)
    until("kubectl is answered", lambda: kubectl.says("get", "--raw", "/readyz") == "ok")
    receiver.wait_about(team.word, len(nodes))
    until("an Event for each", lambda: len(_events(falcon, team)) == len(nodes))
    # And everything works on: watches, pushes, leases.
    falcon.wait_until_ready()
    falcon.apply(bodies.rule("after", team.namespace, condition=bodies.started("nothing-like-that")))
    tracer.settle()
    assert len(receiver.about(team.word)) == len(nodes)
    assert len(_events(falcon, team)) == len(nodes)


def _events(falcon: Release, team: Team) -> list[Body]:
    return [event for event in falcon.events(team.namespace) if team.word in event["message"]]

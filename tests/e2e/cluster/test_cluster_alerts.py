"""What Falcon is for: a rule is applied, something happens on a node, and it is told once, in the right place."""

from __future__ import annotations

import subprocess
import threading

import pytest
from tests.e2e.cluster.support import access, bodies
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import NAMESPACE, Release, told
from tests.e2e.cluster.support.team import Team


def test_a_shell_in_a_pod_is_told_on_that_pod_once(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team
):
    team.add({"nginx": None, "other": None})
    shell = "evt.type in (execve, execveat) and evt.rawres = 0 and proc.name = bash and proc.tty != 0"
    falcon.apply(bodies.rule("shell-in-pod", team.namespace, condition=f"{shell} and proc.is_sid_leader = true"))

    team.shell("nginx", "/bin/bash", "true\nexit\n")

    event = until("an Event in the pod's namespace", lambda: falcon.events(team.namespace))[0]
    pod = kubectl.get("pod", "nginx", "-n", team.namespace)["metadata"]
    regarding = event["involvedObject"]
    assert (regarding["kind"], regarding["name"], regarding["uid"]) == ("Pod", "nginx", pod["uid"])
    assert (event["type"], event["reason"]) == ("Warning", "ShellInPod")
    assert f"bash in {team.namespace}/nginx" in event["message"]
    tracer.settle()
    assert len(receiver.of("shell-in-pod")) == 1
    assert told(falcon.events(team.namespace)) == 1
    assert "ShellInPod" in kubectl.run("get", "events", "-n", team.namespace)
    assert "ShellInPod" in kubectl.run("describe", "pod", "nginx", "-n", team.namespace)


def test_containers_that_live_for_a_moment_are_known(falcon: Release, receiver: Receiver, team: Team, tracer: Tracer):
    falcon.apply(bodies.rule("moment", team.namespace, condition=bodies.started(team.word)))
    for number in range(5):
        body = bodies.pod(f"moment-{number}", team.namespace, image=team.image)
        body["spec"]["containers"][0]["command"] = ["/bin/true", team.word]
        body["spec"]["restartPolicy"] = "Never"
        team.kubectl.apply(body)
    alerts = receiver.wait_about(team.word, 5)
    pods = sorted(alert["output_fields"]["k8s.pod.name"] for alert in alerts)
    assert pods == [f"moment-{number}" for number in range(5)]
    assert {alert["output_fields"]["k8s.ns.name"] for alert in alerts} == {team.namespace}
    tracer.settle()
    assert len(receiver.about(team.word)) == 5


def test_a_pod_is_told_by_its_own_node_though_nodes_share_a_kernel(
    falcon: Release, receiver: Receiver, tracer: Tracer, team: Team
):
    team.add({f"on-{node}": node for node in falcon.nodes()})
    falcon.apply(team.own(bodies.rule(f"each-{team.word}", condition=bodies.started(team.word))))
    for pod in team.pods:
        team.exec(pod, "true", team.word)
    tracer.settle()
    alerts = receiver.about(team.word)
    told_by = sorted((alert["output_fields"]["k8s.pod.name"], alert["hostname"]) for alert in alerts)
    assert told_by == sorted(team.pods.items())


def test_a_host_process_is_told_on_its_node_once(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team
):
    node = falcon.nodes()[-1]
    words = access.on_node(node, "true", team.word)
    if words is None:
        pytest.skip("needs FALCON_E2E_NODE_EXEC: a command that runs a process of a node itself")
    falcon.apply(
        team.own(bodies.rule(f"host-{team.word}", condition=bodies.started(team.word), output="%proc.cmdline"))
    )
    subprocess.run(words, check=True)
    (alert,) = receiver.wait_about(team.word)
    assert alert["hostname"] == node

    def events() -> list[Body]:
        return [each for each in falcon.events() if team.word in each["message"]]

    (event,) = until("an Event about the node", events)
    assert (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("Node", node)
    tracer.settle()
    assert len(receiver.about(team.word)) == 1
    assert told(events()) == 1
    assert team.word in kubectl.run("describe", "node", node)


def test_a_namespaced_rule_sees_its_own_namespace_alone(
    falcon: Release, receiver: Receiver, tracer: Tracer, team: Team, watchers: Team
):
    team.add({"inside": None})
    falcon.apply(bodies.rule("mine", team.namespace, condition=bodies.started(team.word)))
    for pod in watchers.pods:
        watchers.exec(pod, "true", team.word)
    team.exec("inside", "true", team.word)
    tracer.settle()
    (alert,) = receiver.about(team.word)
    assert alert["output_fields"]["k8s.ns.name"] == team.namespace


def test_scopes_choose_pods_by_label_and_containers_by_name(
    falcon: Release, receiver: Receiver, tracer: Tracer, team: Team
):
    team.add({"front": None}, labels={"tier": "front"})
    team.add({"back": None}, labels={"tier": "back"})
    by_label = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["back"]}]}}
    condition = bodies.started(team.word)
    falcon.apply(
        bodies.rule("by-label", team.namespace, condition=condition, scope=by_label),
        bodies.rule("by-name", team.namespace, condition=condition, scope={"containerNames": ["nobody*"]}),
        bodies.rule("by-image", team.namespace, condition=condition, scope={"images": ["registry.invalid/*"]}),
    )
    team.exec("front", "true", team.word)
    team.exec("back", "true", team.word)
    tracer.settle()
    told_by = [(alert["rule"], alert["output_fields"]["k8s.pod.name"]) for alert in receiver.about(team.word)]
    assert told_by == [("by-label", "back")]


def test_a_shadow_rule_counts_and_tells_nothing(falcon: Release, receiver: Receiver, tracer: Tracer, team: Team):
    team.add({"inside": None})
    node = team.pods["inside"]
    falcon.apply(bodies.rule("quiet", team.namespace, condition=bodies.started(team.word), mode="Shadow"))

    def matches() -> float:
        uid = f"{team.namespace}/quiet"
        return sum(
            each.value
            for each in falcon.metrics(falcon.sensors()[node])
            if each.name == "falcon_rule_matches_total" and each.labels["rule"] in ("quiet", uid)
        )

    for _ in range(3):
        team.exec("inside", "true", team.word)
    until("three matches counted", lambda: matches() == 3)
    tracer.settle()
    assert not receiver.about(team.word)
    assert not falcon.events(team.namespace)


def test_a_node_selector_limits_a_rule_to_nodes(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team
):
    first, *others = falcon.nodes()
    team.add({f"on-{node}": node for node in (first, *others)})
    label = f"falcon-e2e-{team.word}"
    rule = bodies.rule("some", team.namespace, condition=bodies.started(team.word), nodeSelector={label: "yes"})
    kubectl.apply(rule)
    missing = until("no node matches", lambda: _reason(falcon, team, "NoNodes"))
    assert missing["nodes"]["desired"] == 0
    try:
        kubectl.run("label", "node", first, f"{label}=yes")
        status = falcon.wait_ready("fr", "some", "-n", team.namespace)
        assert status["nodes"] == {"desired": 1, "loaded": 1, "failed": 0}
        for pod in team.pods:
            team.exec(pod, "true", team.word)
        tracer.settle()
        assert [alert["hostname"] for alert in receiver.about(team.word)] == [first]
    finally:
        kubectl.run("label", "node", first, f"{label}-")
    until("the node left again", lambda: _reason(falcon, team, "NoNodes"))


def _reason(falcon: Release, team: Team, reason: str) -> Body | None:
    status = falcon.status("fr", "some", "-n", team.namespace)
    conditions = status.get("conditions") or ()
    return status if any(each["reason"] == reason for each in conditions) else None


def test_the_webhook_gets_falcos_json(falcon: Release, receiver: Receiver, team: Team):
    team.add({"inside": None})
    falcon.apply(
        bodies.rule(
            "sent",
            team.namespace,
            condition=bodies.started(team.word),
            output="sent %proc.cmdline",
            tags=["e2e"],
            extraFields={"environment": "test"},
        )
    )
    team.exec("inside", "true", team.word)
    (alert,) = receiver.wait_about(team.word)
    assert alert.keys() >= {"uuid", "time", "rule", "priority", "source", "hostname", "tags", "output", "output_fields"}
    assert (alert["rule"], alert["priority"], alert["source"], alert["tags"]) == ("sent", "Warning", "syscall", ["e2e"])
    assert alert["hostname"] == team.pods["inside"]
    fields = alert["output_fields"]
    assert fields["proc.cmdline"] == f"true {team.word}"
    assert fields["environment"] == "test"


def test_alerts_are_printed_too(falcon: Release, kubectl: Kubectl, receiver: Receiver, team: Team):
    """Seen by `kubectl attach`: `kubectl logs` reads files that nodes on one machine take from each other."""
    team.add({"inside": None})
    falcon.apply(bodies.rule("printed", team.namespace, condition=bodies.started(team.word)))
    sensor = falcon.sensors()[team.pods["inside"]]
    with subprocess.Popen(
        kubectl.command("attach", "-n", NAMESPACE, sensor), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as attached:
        lines: list[str] = []
        threading.Thread(target=lambda: lines.extend(attached.stdout or ()), daemon=True).start()

        def printed() -> bool:
            # Attaching takes a moment, and shows nothing of before.
            team.exec("inside", "true", team.word)
            return any(team.word in line for line in lines)

        try:
            until("the alert on the sensor's standard output", printed, 30, pause=1.0)
        finally:
            attached.kill()

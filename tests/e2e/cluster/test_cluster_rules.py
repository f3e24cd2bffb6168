"""Rules as they come in real clusters: many, big, oddly named, edited all the time, gone in a moment."""

from __future__ import annotations

import re
import threading

import pytest
import yaml
from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Failed, Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import NAME, NAMESPACE, Release
from tests.e2e.cluster.support.team import Team

MANY = 500


def test_the_status_counts_every_node(falcon: Release, kubectl: Kubectl, team: Team):
    rule = bodies.rule("counted", team.namespace, condition=bodies.started(team.word))
    kubectl.apply(rule)
    status = falcon.wait_ready("fr", "counted", "-n", team.namespace)
    nodes = len(falcon.nodes())
    assert status["nodes"] == {"desired": nodes, "loaded": nodes, "failed": 0}
    assert status["compiled"]["eventTypes"] == ["execve", "execveat"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == dict.fromkeys(
        ("Accepted", "Compiled", "Distributed", "Ready"), "True"
    )
    header, row = kubectl.run("get", "fr", "-n", team.namespace).splitlines()
    assert header.split()[:6] == ["NAME", "PRIORITY", "MODE", "READY", "REASON", "LOADED"]
    assert row.split()[:4] == ["counted", "WARNING", "Active", "True"]


def test_every_sensor_has_a_falconnode(falcon: Release, kubectl: Kubectl):
    found = {item["metadata"]["name"]: item["status"] for item in kubectl.items("falconnodes")}
    assert sorted(found) == sorted(falcon.nodes())
    for status in found.values():
        assert status["loaded"].startswith("sha256:")
        assert status["kernel"]
        assert status["backend"]


def test_statuses_are_written_on_change_only(falcon: Release, kubectl: Kubectl, team: Team):
    falcon.apply(bodies.rule("still", team.namespace, condition=bodies.started(team.word)))
    before = kubectl.get("fr", "still", "-n", team.namespace)["metadata"]["resourceVersion"]
    falcon.apply(bodies.rule("another", team.namespace, condition=bodies.started("something-else")))
    assert kubectl.get("fr", "still", "-n", team.namespace)["metadata"]["resourceVersion"] == before


def test_odd_names(falcon: Release, receiver: Receiver, team: Team):
    team.add({"inside": None})
    name = f'Ünïcode "quotes" %and $signs: {{braces}} \\ / {team.word}'
    dotted = f"a.b-c.{team.word}.{'x' * 200}"
    falcon.apply(
        bodies.rule("plain", team.namespace, rule=name, condition=bodies.started(f"{team.word}-1")),
        bodies.rule(dotted, team.namespace, condition=bodies.started(f"{team.word}-2")),
    )
    team.exec("inside", "true", f"{team.word}-1")
    team.exec("inside", "true", f"{team.word}-2")
    assert sorted(alert["rule"] for alert in receiver.wait_about(team.word, 2)) == sorted([name, dotted])
    events = until("both Events", lambda: found if len(found := falcon.events(team.namespace)) == 2 else None)
    assert all(event["reason"] and len(event["reason"]) <= 128 for event in events)


def test_two_rules_with_one_name(falcon: Release, receiver: Receiver, tracer: Tracer, team: Team):
    """Two resources may show one name: they are two rules all the same."""
    team.add({"inside": None})
    shown = f"Shared name {team.word}"
    falcon.apply(
        bodies.rule("one", team.namespace, rule=shown, condition=bodies.started(f"{team.word}-one")),
        bodies.rule("two", team.namespace, rule=shown, condition=bodies.started(f"{team.word}-two")),
    )
    team.exec("inside", "true", f"{team.word}-one")
    team.exec("inside", "true", f"{team.word}-two")
    tracer.settle()
    assert [alert["rule"] for alert in receiver.about(team.word)] == [shown, shown]


def test_one_name_in_two_namespaces(falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team):
    other = Team(kubectl, f"{team.namespace}-2", team.image)
    other.start({"inside": None})
    try:
        team.add({"inside": None})
        for each in (team, other):
            falcon.apply(bodies.rule("same", each.namespace, condition=bodies.started(team.word)))
        team.exec("inside", "true", team.word)
        other.exec("inside", "true", team.word)
        tracer.settle()
        told_in = sorted(alert["output_fields"]["k8s.ns.name"] for alert in receiver.about(team.word))
        assert told_in == sorted([team.namespace, other.namespace])
    finally:
        other.end()


def test_five_hundred_rules(falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team):
    team.add({"inside": None})
    kubectl.apply(
        *(
            bodies.rule(f"many-{number}", team.namespace, condition=f"{bodies.started(f'{team.word}-{number}-')}")
            for number in range(MANY)
        ),
        timeout=300,
    )
    falcon.wait_ready("fr", f"many-{MANY - 1}", "-n", team.namespace, timeout=180)

    def all_ready() -> bool:
        items = kubectl.items("fr", "-n", team.namespace)
        ready = [
            item
            for item in items
            if any(
                each["type"] == "Ready" and each["status"] == "True"
                for each in item.get("status", {}).get("conditions", ())
            )
        ]
        return len(ready) == MANY

    until("all of them are ready", all_ready, 180)
    for number in (0, 250, MANY - 1):
        team.exec("inside", "true", f"{team.word}-{number}-")
    tracer.settle()
    assert [alert["rule"] for alert in receiver.about(team.word)] == [f"many-{number}" for number in (0, 250, MANY - 1)]


def test_a_rule_set_of_900_kilobytes(falcon: Release, kubectl: Kubectl, receiver: Receiver, team: Team):
    team.add({"inside": None})
    items = [f"{team.word}-{number:06d}" for number in range(45_500)]
    rules = yaml.safe_dump(
        [
            {"list": f"big_{team.word}", "items": items},
            {
                "rule": f"big {team.word}",
                "desc": "a long list",
                "condition": f"evt.type in (execve, execveat) and evt.rawres = 0 and proc.args in (big_{team.word})",
                "output": "%proc.cmdline",
                "priority": "NOTICE",
            },
        ],
        width=100_000,
        default_flow_style=True,
    )
    assert 900_000 < len(rules) < 1_000_000
    # `kubectl apply` would store the text a second time in an annotation, which has 256 KiB.
    body = yaml.safe_dump(team.own(bodies.rule_set(team.word, rules=rules)), width=10_000_000)
    kubectl.run("create", "-f", "-", given=body)
    falcon.wait_ready("frs", team.word, timeout=180)
    team.exec("inside", "true", items[-1])
    receiver.wait_about(items[-1])


def test_a_rule_edited_while_pods_work_loses_and_doubles_nothing(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, tracer: Tracer, team: Team
):
    nodes = falcon.nodes()
    team.add({f"on-{node}": node for node in nodes})
    name, rounds = f"edited-{team.word}", 5
    falcon.apply(bodies.rule(name, team.namespace, condition=bodies.started(team.word), output="v0 %proc.cmdline"))
    # One program each 20 ms, in a shell of the pod's own: kubectl exec would be too slow to hit the switch.
    loop = f"n=0; while [ ! -e /tmp/stop ]; do /bin/true {team.word} $n; n=$((n+1)); sleep 0.02; done; echo $n"
    counts: dict[str, int] = {}

    def work(pod: str) -> None:
        counts[pod] = int(kubectl.run("exec", "-n", team.namespace, pod, "--", "bash", "-c", loop, timeout=300))

    workers = [threading.Thread(target=work, args=(pod,)) for pod in team.pods]
    for worker in workers:
        worker.start()
    try:
        for version in range(1, rounds + 1):
            output = f"v{version} %proc.cmdline"
            falcon.apply(bodies.rule(name, team.namespace, condition=bodies.started(team.word), output=output))
    finally:
        for pod in team.pods:
            team.exec(pod, "touch", "/tmp/stop")
        for worker in workers:
            worker.join()
    tracer.settle()
    for pod, node in team.pods.items():
        texts = [alert["output"] for alert in receiver.of(name) if alert["hostname"] == node]
        numbers = [int(text.rsplit(" ", 1)[1]) for text in texts]
        assert sorted(numbers) == list(range(counts[pod])), f"{pod}: something was lost or doubled"
    versions = {re.findall(r"\bv\d\b", alert["output"])[0] for alert in receiver.of(name)}
    assert versions >= {"v0", f"v{rounds}"}


def test_a_namespace_deleted_while_alerts_come_in(falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver):
    doomed = Team(kubectl, f"{team.namespace}-gone", team.image)
    doomed.start({"inside": None})
    falcon.apply(bodies.rule("busy", doomed.namespace, condition=bodies.started(doomed.word)))
    restarts = _restarts(falcon)

    def work() -> None:
        # Ends by itself: with the pod.
        loop = f"while :; do /bin/true {doomed.word}; sleep 0.01; done"
        with pytest.raises(Failed):
            kubectl.run("exec", "-n", doomed.namespace, "inside", "--", "bash", "-c", loop)

    worker = threading.Thread(target=work)
    worker.start()
    receiver.wait_about(doomed.word, 20)
    kubectl.delete("namespace", doomed.namespace)
    worker.join()
    # Nobody is worse for it: everything runs on, and other rules come and work.
    team.add({"inside": None})
    falcon.apply(bodies.rule("after", team.namespace, condition=bodies.started(team.word)))
    team.exec("inside", "true", team.word)
    receiver.wait_about(team.word)
    until("an Event in a namespace that is there", lambda: falcon.events(team.namespace))
    assert _restarts(falcon) == restarts


def _restarts(falcon: Release) -> dict[str, int]:
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for component in ("sensor", "operator")
        for pod in falcon.pods(component)
    }


def test_the_sensors_settings_are_what_was_asked_for(kubectl: Kubectl, falcon: Release):
    """What makes these tests exact is really in force."""
    settings = kubectl.get("configmap", f"{NAME}-sensor", "-n", NAMESPACE)["data"]["settings.yaml"]
    assert yaml.safe_load(settings)["rate_limit"] == {"alerts": 0}

"""A node's sensor with a real kernel and a real API server: bundles over HTTPS, pods, restarts, refusals."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from tests.sensor.cluster.support import https, keys, rules, running

from falcon_sensor.app import lastgood

pytestmark = pytest.mark.kernel


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of /bin/true under a name that nothing else on this machine has."""
    path = tmp_path / f"m{uuid.uuid4().hex[:10]}"
    shutil.copy("/bin/true", path)
    return path


def spawned(program: Path, more: str = "") -> str:
    return f"evt.type in (execve, execveat) and proc.name = {program.name}{more}"


def test_it_takes_its_certificate_from_the_secret_until_the_kubelet_brings_files(team, kubeconfig, tmp_path):
    authority = keys.Authority()
    authority.issue(tmp_path / "secret")
    (tmp_path / "tls").mkdir()
    team.create_secret("falcon-tls")
    sensor = running.Running(tmp_path, authority, kubeconfig, team.namespace, {"tls_secret": "falcon-tls"})
    try:
        running.until(
            lambda: _reached(sensor) and "certificate" in https.get(sensor.health_port, "/readyz")[1], "waits"
        )
        pair = {name: (tmp_path / "secret" / name).read_bytes() for name in ("tls.crt", "tls.key")}
        team.fill_secret("falcon-tls", {"tls.crt": b"rubbish", "tls.key": b"too"})
        team.fill_secret("falcon-tls", pair)
        sensor.ready()
        sensor.client.token = team.token()
        assert (
            sensor.client.put(*rules.push(rules.rule("One", "evt.type = execve and proc.name = none"), 1)).status == 200
        )
        running.until(lambda: https.get(sensor.health_port, "/readyz")[0] == 200, "readiness")
    finally:
        sensor.end()


def _reached(sensor: running.Running) -> bool:
    try:
        https.get(sensor.health_port, "/livez")
    except OSError:
        return False
    return True


def test_rules_arrive_change_and_survive_a_restart(sensor, program, tmp_path, kubeconfig):
    first = sensor()
    assert https.get(first.health_port, "/readyz")[0] == 503
    assert https.get(first.health_port, "/livez")[0] == 200

    body, digest = rules.push(rules.rule("One", spawned(program), "args %proc.args"), 10)
    answer = first.client.put(body, digest)
    assert (answer.status, answer.body["digest"], answer.body["revision"]) == (200, digest, 10)
    # In force when it was answered: the very next event counts.
    subprocess.run([program, "a"], check=True)
    running.until(lambda: len(first.told("One")) == 1, "an alert")
    running.until(lambda: https.get(first.health_port, "/readyz")[0] == 200, "readiness")

    # The same programs in the kernel, another output.
    assert first.client.put(*rules.push(rules.rule("Two", spawned(program)), 11)).status == 200
    # Opens files anew, and has nothing to do with rules here.
    first.process.send_signal(signal.SIGHUP)
    subprocess.run([program, "b"], check=True)
    running.until(lambda: len(first.told("Two")) == 1, "an alert of the changed rule")
    assert len(first.told("One")) == 1
    metrics = first.metrics()
    assert https.metric(metrics, "falcon_rule_alerts_total", priority="Notice", rule="One") == 1
    assert https.metric(metrics, "falcon_rule_alerts_total", priority="Notice", rule="Two") == 1
    assert https.metric(metrics, "falcon_sensor_bundle_revision") == 11
    assert first.end() == 0

    # Without the operator, and without the API server: the last good rules are in force from the start.
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(re.sub(r"https://[^\s\"']+", "https://127.0.0.1:1", kubeconfig.read_text()))
    again = sensor(kubeconfig=str(nowhere))
    subprocess.run([program, "c"], check=True)
    running.until(lambda: len(again.told("Two")) == 1, "an alert after the restart")
    running.until(lambda: https.get(again.health_port, "/readyz")[0] == 200, "readiness")
    assert again.end() == 0

    damaged = again.state / "bundle"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    third = sensor()
    assert any("last good rules are not used" in line for line in third.said)
    assert third.client.status().body["digest"] == ""
    assert third.client.put(*rules.push(rules.rule("Three", spawned(program)), 12)).status == 200


def test_no_event_is_lost_or_doubled_while_rules_are_exchanged(sensor, program):
    """Programs run in a loop while bundles change; each has a number, and every number is told exactly once."""
    node = sensor()
    other = program.with_name(program.name[::-1])
    assert node.client.put(*rules.push(rules.rule("A", spawned(program), "args %proc.args"), 1)).status == 200
    stop, ran = threading.Event(), 0

    def act():
        nonlocal ran
        while not stop.is_set():
            subprocess.run([program, str(ran)], check=True)
            ran += 1

    actor = threading.Thread(target=act)
    actor.start()
    try:
        running.until(lambda: ran > 20, "some events")
        for revision in range(2, 6):
            # Each time the kernel's filter is another one; the last change is one the kernel has no part in.
            more = f" or (evt.type = execve and proc.name = {other.name}{revision})" if revision < 5 else ""
            text = rules.rule("AB"[revision % 2], spawned(program) + more, "args %proc.args")
            assert node.client.put(*rules.push(text, revision)).status == 200
        seen = ran
        running.until(lambda: ran > seen + 20, "some events more")
    finally:
        stop.set()
        actor.join()
    numbers = lambda: sorted(int(each["output_fields"]["proc.args"]) for each in list(node.alerts))  # noqa: E731
    running.until(lambda: len(numbers()) >= ran, f"{ran} alerts")
    assert node.end() == 0
    assert numbers() == list(range(ran))
    assert node.told("A")
    assert node.told("B")


def test_what_the_api_server_does_not_vouch_for_is_refused_and_counted(sensor, team):
    node = sensor()
    push = rules.push(rules.rule("R", "evt.type = execve and proc.name = nobody-has-this"), 5)
    attempts = {
        "no_token": (None, 401),
        "invalid_token": (team.token()[:-8] + "AAAAAAAA", 401),
        "wrong_audience": (team.token(audiences=["somebody-else"]), 403),
        "wrong_account": (team.token("other"), 403),
    }
    for reason, (token, status) in attempts.items():
        answer = node.client.put(*push, token=token)
        assert (answer.status, answer.body["reason"]) == (status, reason)
    revoked = team.token("other")
    team.delete("serviceaccounts", "other")
    assert node.client.put(*push, token=revoked).status in (401, 403)
    assert node.client.status().body["digest"] == ""

    assert node.client.put(*push).status == 200
    replayed = node.client.put(*rules.push(rules.rule("R", "evt.type = execve and proc.name = nobody-either"), 4))
    assert (replayed.status, replayed.body["revision"]) == (409, 5)
    with socket.create_connection(("127.0.0.1", node.api_port)) as plain:
        plain.sendall(b"PUT /v1/bundle HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert b" 200 " not in plain.recv(100)
    running.until(lambda: _refusals(node, "plain_http") == 1, "plain HTTP is counted")
    assert all(_refusals(node, reason) >= 1 for reason in attempts)
    assert _refusals(node, "outdated") == 1
    assert node.client.status().body["revision"] == 5


def _refusals(node: running.Running, reason: str) -> float:
    return https.metric(node.metrics(), "falcon_sensor_api_refusals_total", reason=reason)


def test_a_deleted_accounts_token_is_refused(sensor, team):
    node = sensor()
    token = team.token()
    team.delete("serviceaccounts", "falcon-operator")
    answer = node.client.status(token=token)
    assert (answer.status, answer.body["reason"]) == (401, "invalid_token")


def test_a_rule_that_cannot_run_here_does_not_keep_others_from_running(sensor, program):
    node = sensor()
    text = rules.rule("Bad", "evt.type = splice and proc.name = x") + rules.rule("Good", spawned(program))
    answer = node.client.put(*rules.push(text, 1))
    assert answer.status == 200
    assert [(each["uid"], "splice" in each["reason"]) for each in answer.body["ruleErrors"]] == [("Bad", True)]
    assert node.client.status().body["ruleErrors"] == answer.body["ruleErrors"]
    subprocess.run([program], check=True)
    running.until(lambda: node.told("Good"), "an alert of the good rule")


def test_rubbish_leaves_the_rules_in_force(sensor, program):
    node = sensor()
    assert node.client.put(*rules.push(rules.rule("R", spawned(program)), 1)).status == 200
    assert node.client.put(b"rubbish", "sha256:x").status == 400
    subprocess.run([program], check=True)
    running.until(lambda: node.told("R"), "an alert")


def test_no_rules_detach_the_probes(sensor, program):
    node = sensor()
    assert node.client.put(*rules.push(rules.rule("R", spawned(program)), 1)).status == 200
    assert https.metric(node.metrics(), "falcon_sensor_attached") == 1
    assert node.client.put(*rules.push("", 2)).status == 200
    assert https.metric(node.metrics(), "falcon_sensor_attached") == 0
    running.until(lambda: https.get(node.health_port, "/readyz")[0] == 200, "readiness")
    assert node.client.put(*rules.push(rules.rule("S", spawned(program)), 3)).status == 200
    subprocess.run([program], check=True)
    running.until(lambda: node.told("S"), "an alert")
    assert node.told("R") == []


def test_the_pod_of_an_event_is_known_by_the_uid_in_its_cgroup(sensor, team, program, pod_cgroup):
    node = sensor()
    uid = team.create_pod("web-1", "test-node", labels={"app": "web"})
    running.until(lambda: https.metric(node.metrics(), "falcon_sensor_pods") == 1, "the watch brings the pod")
    team.create_pod("elsewhere", "other-node")
    output = "%k8s.ns.name %k8s.pod.name %k8s.pod.label[app] %container.id"
    condition = spawned(program, " and k8s.ns.name = " + team.namespace)
    assert node.client.put(*rules.push(rules.rule("InPod", condition, output), 1)).status == 200
    container = pod_cgroup.container(uid)
    pod_cgroup.run(container, str(program))
    running.until(lambda: node.told("InPod"), "an alert")
    (alert,) = node.told("InPod")
    assert alert["output_fields"] == alert["output_fields"] | {
        "k8s.ns.name": team.namespace,
        "k8s.pod.name": "web-1",
        "k8s.pod.label[app]": "web",
        "container.id": container.name[:12],
    }
    assert https.metric(node.metrics(), "falcon_sensor_pods") == 1
    # An event that comes before its pod is known waits for it: a rule of a namespace must not miss it.
    late = str(uuid.uuid4())
    pod_cgroup.run(pod_cgroup.container(late), str(program))
    running.until(lambda: https.metric(node.metrics(), "falcon_sensor_held_records_total") >= 1, "it waits")
    running.until(lambda: https.metric(node.metrics(), "falcon_sensor_records_without_pod_total") >= 1, "not for ever")
    assert len(node.told("InPod")) == 1


def test_an_agent_that_dies_is_replaced(sensor, program):
    node = sensor()
    assert node.client.put(*rules.push(rules.rule("R", spawned(program)), 1)).status == 200
    (agent,) = subprocess.run(
        ["pgrep", "-P", str(node.process.pid), "-f", "falcon_sensor.app.agent"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    subprocess.run(["kill", "-9", agent], check=True)
    subprocess.run([program], check=True)
    running.until(lambda: node.told("R"), "an alert without an agent")

    def answers() -> bool:
        try:
            return bool(node.client.status().body.get("revision") == 1)
        except OSError:
            return False

    running.until(answers, "another agent knows what is in force")
    assert node.client.put(*rules.push(rules.rule("S", spawned(program)), 2)).status == 200


def test_on_a_shared_kernel_only_the_nodes_own_host_processes_are_told(program, kubeconfig, tmp_path):
    """A node in a network namespace of its own, as those of test clusters are; the host is another node to it."""
    packed, digest = rules.push(rules.rule("Host", spawned(program), "%proc.args"), 1)
    lastgood.write(str(tmp_path / "state"), lastgood.Kept(digest, packed))
    node = running.Running(tmp_path, keys.Authority(), kubeconfig, "falcon", {}, "unshare", "--net")
    try:
        running.until(node.watches, "the last good rules are in force")
        inside = ["nsenter", f"--net=/proc/{node.process.pid}/ns/net"]
        for number, prefix in enumerate(([], inside, [], inside)):
            subprocess.run([*prefix, program, str(number)], check=True)
        running.until(lambda: len(node.alerts) == 2, "two alerts")
    finally:
        assert node.end() == 0
    assert [each["output_fields"]["proc.args"] for each in node.alerts] == ["1", "3"]


def test_rules_from_files_and_from_the_operator_exclude_each_other(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "falcon_sensor", "run", "-o", "cluster.enabled=true", "-r", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "leave out -r" in done.stderr

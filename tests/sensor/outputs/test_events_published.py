"""Alerts as Events in a real API server."""

from __future__ import annotations

import threading
import time
import uuid
from urllib import parse

import pytest
from tests.sensor.outputs.support import cluster as outside
from tests.sensor.outputs.support import examples

from falcon_sensor.outputs import base
from falcon_sensor.outputs.kubernetes_events import sink
from falcon_sensor.settings import model, receivers


@pytest.fixture
def cluster(kubeconfig):
    found = outside.Cluster(kubeconfig)
    yield found
    found.close()


@pytest.fixture
def namespace(cluster):
    return cluster.namespace()


@pytest.fixture
def node():
    """A name no other test's Events are about: those live in one namespace."""
    return f"node-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def output(kubeconfig, node):
    """Makes outputs that end with the test."""
    made: list[base.Output] = []

    def make(tell=lambda line: None, **options):
        settings = model.Settings(
            cluster=model.Cluster(node_name=node, kubeconfig=str(kubeconfig)),
            kubernetes_events=receivers.KubernetesEvents(
                **{"enabled": True, "instance": "falcon-sensor-x7k2p", "update_seconds": 0.1, **options}
            ),
        )
        made.append(base.Output(sink.KubernetesEvents(settings, tell), 10_000, tell))
        return made[-1]

    yield make
    for each in made:
        stop(each)


def stop(output):
    output.start_closing()
    assert output.wait_closed(time.monotonic() + 30)


def alert(namespace, number=0, pod="web-0", **changes):
    """With a uuid of its own, as Events outlive a test."""
    about = {"pod_namespace": namespace, "pod_name": pod, "pod_uid": f"uid-{pod}", "container_name": "app"}
    values = {"uuid": str(uuid.uuid4()), "time": time.time_ns(), "container_id": f"id-{pod}", **about, **changes}
    return examples.alert(number, **values)


def test_an_alert_is_an_event_about_its_pod(output, cluster, namespace):
    sent = alert(namespace, output="A shell was spawned")
    output().put(sent)
    (event,) = cluster.until(namespace, lambda events: len(events) == 1)
    assert event["reason"] == "TerminalShellInContainer"
    assert event["note"] == "A shell was spawned"
    assert event["type"] == "Normal"
    assert event["reportingInstance"] == "falcon-sensor-x7k2p"
    assert event["regarding"]["fieldPath"] == "spec.containers{app}"
    assert event["metadata"]["annotations"]["falcon.dev/uuid"] == sent.uuid


def test_people_find_it_the_way_kubectl_describe_does(output, cluster, namespace):
    output().put(alert(namespace))
    cluster.until(namespace, lambda events: len(events) == 1)
    selector = parse.quote("involvedObject.name=web-0,involvedObject.uid=uid-web-0")
    found = cluster.ask("GET", f"/api/v1/namespaces/{namespace}/events?fieldSelector={selector}")["items"]
    assert [each["reason"] for each in found] == ["TerminalShellInContainer"]


def test_repeats_extend_the_series(output, cluster, namespace):
    made = output()
    repeats = [alert(namespace, output="the same") for _ in range(20)]
    made.put(repeats[0])
    cluster.until(namespace, lambda events: len(events) == 1)
    for each in repeats[1:]:
        made.put(each)
    (event,) = cluster.until(namespace, lambda events: (events[0].get("series") or {}).get("count") == 20)
    assert event["metadata"]["annotations"]["falcon.dev/last-uuid"] == repeats[-1].uuid
    assert event["series"]["lastObservedTime"] > event["eventTime"]
    assert made.measures()["updated"] < 19


def test_alerts_about_the_host_are_about_the_node(output, cluster, node):
    output().put(examples.alert(1, uuid=str(uuid.uuid4()), time=time.time_ns()))

    def found():
        both = [*cluster.events("default"), *cluster.events("kube-system")]
        return [each for each in both if each["regarding"]["name"] == node]

    deadline = time.monotonic() + 30
    while not (events := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert events[0]["regarding"]["kind"] == "Node"


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "規則 with odd \x00\u202e characters / ' \" \\ 🔥" * 20},
        {"rule": ""},
        {"output": "é🔥" * 5000},
        {"output": "\x1b[2J\n\x00\udcff"},
        {"output": ""},
        {"pod": "a" * 253},
        {"pod": "x" * 236 + "." + "y" * 16},
        {"tags": ("t" * 3000, "ü")},
        {"suppressed": 7},
        {"container_name": None},
        {"time": 1},
        {"time": 4_102_444_800_999_999_999},
    ],
    ids=str,
)
def test_whatever_alerts_say_the_server_takes_it(output, cluster, namespace, changes):
    told: list[str] = []
    made = output(told.append)
    made.put(alert(namespace, **changes))
    made.put(alert(namespace, **changes))
    (event,) = cluster.until(namespace, lambda events: bool(events) and "series" in events[0])
    assert event["series"]["count"] == 2
    assert told == []


def test_the_same_alert_never_makes_two_events(output, cluster, namespace):
    again = alert(namespace)
    for _ in range(2):
        made = output()
        made.put(again)
        stop(made)
    assert len(cluster.events(namespace)) == 1
    assert made.measures()["held_back"] == 0


def test_an_event_that_was_deleted_comes_back_with_the_next_alert(output, cluster, namespace):
    made = output()
    made.put(alert(namespace, output="the same"))
    (event,) = cluster.until(namespace, lambda events: len(events) == 1)
    cluster.ask("DELETE", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events/{event['metadata']['name']}")
    made.put(alert(namespace, output="the same"))
    (later,) = cluster.until(namespace, lambda events: len(events) == 1)
    assert later["metadata"]["name"] != event["metadata"]["name"]


@pytest.mark.parametrize("state", ["terminating", "gone", "never there"])
def test_a_namespace_on_its_way_out_holds_nothing_up(output, cluster, namespace, state):
    other = f"falcon-events-never-{uuid.uuid4().hex[:6]}" if state == "never there" else cluster.namespace()
    if state != "never there":
        cluster.delete(other, finally_=state == "gone")
    told: list[str] = []
    made = output(told.append)
    for number in range(5):
        made.put(alert(other, pod=f"web-{number}"))
    made.put(alert(namespace, pod="elsewhere"))
    cluster.until(namespace, lambda events: len(events) == 1)
    stop(made)
    measures = made.measures()
    assert (measures["namespace_gone"], measures["retries"], measures["waiting"]) == (5, 0, 0)
    assert told == []


def test_what_is_held_back_is_summarised_on_the_node(output, cluster, namespace, node):
    made = output(rate=0.001, max_burst=3)
    for number in range(10):
        made.put(alert(namespace, pod=f"web-{number}"))
    cluster.until(namespace, lambda events: len(events) == 3)
    stop(made)
    both = [*cluster.events("default"), *cluster.events("kube-system")]
    (summary,) = [each for each in both if each["regarding"]["name"] == node]
    assert summary["reason"] == "AlertsHeldBack"
    assert summary["note"].startswith("7 alerts within ")
    assert made.measures()["unsaved"] == 0


def test_a_server_that_is_away_gets_everything_when_it_is_back(own_server, output, cluster, namespace):
    told: list[str] = []
    made = output(told.append)
    made.put(alert(namespace, output="before"))
    cluster.until(namespace, lambda events: len(events) == 1)
    restarting = threading.Thread(target=own_server.restart, kwargs={"down": 3.0})
    restarting.start()
    for number in range(30):
        made.put(alert(namespace, pod=f"web-{number % 15}", output=f"during {number % 15}"))
        time.sleep(0.05)
    restarting.join()
    events = cluster.until(namespace, lambda events: len(events) == 16)
    counts = {each["note"]: (each.get("series") or {"count": 1})["count"] for each in events}
    assert counts == {"before": 1, **{f"during {number}": 2 for number in range(15)}}
    assert made.measures()["held_back"] == 0
    assert "Events wait until it works again" in told[0]
    assert told[-1].endswith("the API server works again")

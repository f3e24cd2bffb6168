"""Sensors' pods come, go and move; the rollout hears of what matters."""

from __future__ import annotations

from pathlib import Path

import pytest

from falcon_operator.clients import kinds
from falcon_operator.clients.sensors import Sensors
from falcon_operator.handlers import fleet, pods
from falcon_operator.handlers.store import Store
from falcon_operator.reconcile import reports, resources


def pod(name: str, node: str = "n1", ip: str | None = "10.0.0.1", phase: str = "Running", **metadata: str) -> dict:
    status = {"phase": phase, "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]}
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": "", "creationTimestamp": "2026-01-01T00:00:00Z"}
    spec = {"nodeName": node, "containers": [{"ports": [{"name": "api", "containerPort": 8765}]}]}
    return {"metadata": {**meta, **metadata}, "spec": spec, "status": status}


class Heard:
    """Notes what the rollout is told, in its place."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.known: dict[str, reports.NodeReport] = {}

    def appeared(self, node: str) -> None:
        self.calls.append(f"appeared {node}")
        self.known[node] = reports.NodeReport(node)

    def gone(self, node: str) -> None:
        self.calls.append(f"gone {node}")

    def states(self) -> dict[str, reports.NodeReport]:
        return self.known


class Scene:
    """A fleet over stores that a test fills by hand, and a clock that it moves."""

    def __init__(self) -> None:
        self.pods = Store(kinds.POD, pods.reduce, lambda key, value: None)
        self.nodes = Store(kinds.NODE, lambda body: resources.Node(body["metadata"]["name"]), lambda key, value: None)
        self.heard = Heard()
        self.changes = 0
        self.now = 0.0
        sensors = Sensors(8765, "falcon-sensor", Path("/nowhere"), 1.0)
        self.fleet = fleet.Fleet(self, sensors, self.heard, self._changed, lambda: self.now)
        self.node("n1")

    def _changed(self) -> None:
        self.changes += 1

    def node(self, name: str, event: str = "ADDED") -> None:
        self.nodes.event(event, {"metadata": {"name": name, "uid": name, "resourceVersion": ""}})

    def see(self, event: str, body: dict) -> list[str]:
        """What the rollout hears of one pod's event."""
        self.pods.event(event, body)
        return self.look()

    def look(self) -> list[str]:
        before = len(self.heard.calls)
        self.fleet.refresh()
        return self.heard.calls[before:]


@pytest.fixture
def scene():
    return Scene()


def test_a_running_pod_is_a_sensor(scene):
    assert scene.see("ADDED", pod("a")) == ["appeared n1"]
    assert [node.name for node in scene.fleet.nodes] == ["n1"]


def test_a_pod_that_has_not_started_counts_but_is_not_spoken_to(scene):
    assert scene.see("ADDED", pod("a", phase="Pending", ip=None)) == []
    assert [node.name for node in scene.fleet.nodes] == ["n1"]


def test_a_restarted_container_is_spoken_to_anew(scene):
    scene.see("ADDED", pod("a"))
    again = pod("a")
    again["status"]["containerStatuses"] = [{"restartCount": 1}]
    assert scene.see("MODIFIED", again) == ["appeared n1"]


def test_a_heartbeat_is_no_news(scene):
    scene.see("ADDED", pod("a"))
    assert scene.see("MODIFIED", pod("a")) == []
    assert scene.changes == 1


def test_becoming_ready_is_news_only_for_a_sensor_in_trouble(scene):
    unready = pod("a")
    unready["status"]["conditions"] = []
    scene.see("ADDED", unready)
    assert scene.see("MODIFIED", pod("a")) == []
    scene.see("MODIFIED", unready)
    trouble = reports.Trouble(reports.Failure.UNREACHABLE, "refused")
    scene.heard.known["n1"] = reports.NodeReport("n1", trouble=trouble)
    assert scene.see("MODIFIED", pod("a")) == ["appeared n1"]


def test_a_node_between_two_pods_is_kept(scene):
    scene.see("ADDED", pod("a"))
    assert scene.see("DELETED", pod("a")) == []
    assert [node.name for node in scene.fleet.nodes] == ["n1"]
    assert scene.see("ADDED", pod("b", ip="10.0.0.2")) == ["appeared n1"]
    assert scene.changes == 1, "nothing that counts nodes was told of a change"


def test_a_node_without_a_sensor_is_forgotten_after_a_while(scene):
    scene.see("ADDED", pod("a"))
    scene.see("DELETED", pod("a"))
    scene.now = 61.0
    assert scene.look() == ["gone n1"]
    assert scene.fleet.nodes == []


def test_a_deleted_node_is_forgotten_at_once(scene):
    scene.see("ADDED", pod("a"))
    scene.node("n1", "DELETED")
    assert scene.see("DELETED", pod("a")) == ["gone n1"]


def test_during_a_roll_over_the_pod_with_an_address_speaks(scene):
    scene.see("ADDED", pod("old"))
    young = pod("young", phase="Pending", ip=None, creationTimestamp="2026-02-01T00:00:00Z")
    assert scene.see("ADDED", young) == []
    ended = pod("old", deletionTimestamp="2026-02-01T00:00:01Z")
    assert scene.see("MODIFIED", ended) == []
    young = pod("young", ip="10.0.0.9", creationTimestamp="2026-02-01T00:00:00Z")
    assert scene.see("MODIFIED", young) == ["appeared n1"]

"""A node goes and comes back. Last by its name: with the node go the pods on it that other tests lean on."""

from __future__ import annotations

import subprocess

import pytest
from tests.e2e.cluster.support import access, bodies
from tests.e2e.cluster.support.kubectl import Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver
from tests.e2e.cluster.support.release import Release
from tests.e2e.cluster.support.team import Team


def test_a_node_comes_late_and_gets_its_rules(falcon: Release, kubectl: Kubectl, team: Team, receiver: Receiver):
    node = falcon.nodes()[-1]
    remove, add = access.command("FALCON_E2E_NODE_REMOVE", node), access.command("FALCON_E2E_NODE_ADD", node)
    if remove is None or add is None:
        pytest.skip("needs FALCON_E2E_NODE_REMOVE and FALCON_E2E_NODE_ADD: commands that take a node away and bring it")
    nodes = len(falcon.nodes())
    subprocess.run(remove, check=True, stdout=subprocess.DEVNULL)
    try:
        kubectl.delete("node", node)
        rule = bodies.rule("late", team.namespace, condition=bodies.started(team.word))
        kubectl.apply(rule)
        until(
            "the rule is everywhere else",
            lambda: (falcon.status("fr", "late", "-n", team.namespace).get("nodes") or {}).get("loaded") == nodes - 1,
        )
    finally:
        subprocess.run(add, check=True, stdout=subprocess.DEVNULL)
    until("a sensor on the new node", lambda: node in falcon.ready_sensors(), 180)
    until(
        "the new node has the rule",
        lambda: falcon.wait_ready("fr", "late", "-n", team.namespace)["nodes"]["loaded"] == nodes,
    )
    team.add({"inside": node})
    team.exec("inside", "true", team.word)
    (alert,) = receiver.wait_about(team.word)
    assert alert["hostname"] == node

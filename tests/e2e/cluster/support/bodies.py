"""Manifests of the tests: pods and rules, as short as they may be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]
API = "falcon.dev/v1alpha1"

# Programs of the tests are told from all others by their first argument.
SENTINEL = "falcon-e2e-sentinel"


def namespace(name: str, labels: Mapping[str, str] = {}) -> Body:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def pod(name: str, namespace: str, node: str | None = None, *, image: str, labels: Mapping[str, str] = {}) -> Body:
    """A pod that waits for `kubectl exec`. What runs in it is root, has a bash, and ends at once when told to."""
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/bash", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"],
        "securityContext": {"runAsUser": 0},
    }
    spec: Body = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
    }
    if node is not None:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, **labels}},
        "spec": spec,
    }


def started(argument: str) -> str:
    """The condition: `true ARGUMENT` (or any program given this first argument) was started."""
    return f"evt.type in (execve, execveat) and evt.rawres = 0 and proc.args startswith {argument}"


def rule(name: str, namespace: str | None = None, /, **spec: Any) -> Body:
    """A FalconRule, or without a namespace a ClusterFalconRule."""
    kind, place = ("FalconRule", {"namespace": namespace}) if namespace else ("ClusterFalconRule", {})
    whole = {
        "output": "%proc.cmdline in %k8s.ns.name/%k8s.pod.name on %evt.hostname",
        "priority": "WARNING",
        **spec,
    }
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, **place}, "spec": whole}


def rule_set(name: str, /, **spec: Any) -> Body:
    return {"apiVersion": API, "kind": "FalconRuleSet", "metadata": {"name": name}, "spec": spec}


def wanted_image(default: str) -> str:
    return os.environ.get("FALCON_E2E_POD_IMAGE") or default

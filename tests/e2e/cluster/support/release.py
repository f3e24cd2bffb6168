"""Falcon as Helm installs it, and what can be seen of it from outside: statuses, Events, alerts, metrics."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from tests.e2e.cluster.support import access, bodies, images
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until

NAME = "falcon"
NAMESPACE = "falcon-system"
CHART = access.ROOT / "charts" / "falcon"
HELM = access.ROOT / "scripts" / "helm"

# A label of the namespace: the tests may take away what is in it.
_OURS = "falcon-e2e"

# Images are loaded, kernel programs compiled on each node, certificates made.
_INSTALL_PATIENCE = 300.0

_SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


class Release:
    """What the chart made of this tree. kubectl: an administrator's."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self.kubectl = Kubectl(kubeconfig)
        self._kubeconfig = kubeconfig

    # ------------------------------------------------------------------------------ coming and going

    def install(self, values: Mapping[str, Any], folder: pathlib.Path) -> None:
        """Returns when all replicas and sensors are ready. folder: for the file of values.

        Raises RuntimeError where a Falcon is that is not ours: at the end we would take its rules away.
        """
        known = self.kubectl.find("namespace", NAMESPACE)
        if _OURS not in ((known or {}).get("metadata", {}).get("labels") or {}) and (known or self._crds()):
            raise RuntimeError(
                "this cluster has a Falcon, or its CRDs, that these tests did not install: remove it first"
            )
        self.kubectl.apply(bodies.namespace(NAMESPACE, {_OURS: "yes"}))
        path = folder / "values.yaml"
        given = {"image": {"tag": images.tag()}, **values}
        path.write_text(yaml.safe_dump(given))
        self.helm("upgrade", "--install", NAME, str(CHART), "--values", str(path))
        self.wait_until_ready()

    def uninstall(self) -> None:
        """Leaves nothing behind, the CRDs (which Helm keeps) and all rules with them included."""
        known = self.kubectl.find("namespace", NAMESPACE)
        if known is None or _OURS not in (known["metadata"].get("labels") or {}):
            return
        self.helm("uninstall", NAME, "--ignore-not-found")
        # While the namespace still says whose they are.
        if names := self._crds():
            self.kubectl.delete("crd", *names)
        self.kubectl.delete("namespace", NAMESPACE)

    def _crds(self) -> list[str]:
        names = [item["metadata"]["name"] for item in self.kubectl.items("crd")]
        return [name for name in names if name.endswith(".falcon.dev")]

    def helm(self, *arguments: str) -> str:
        words = [str(HELM), *arguments, "--namespace", NAMESPACE]
        return access.run(words, {"KUBECONFIG": str(self._kubeconfig)})

    def wait_until_ready(self) -> None:
        for name in (f"deployment/{NAME}-operator", f"daemonset/{NAME}-sensor"):
            self.kubectl.run(
                *self._here,
                "rollout",
                "status",
                name,
                f"--timeout={_INSTALL_PATIENCE:.0f}s",
                timeout=_INSTALL_PATIENCE + 30,
            )
        until("every node's sensor has what the operator wants it to have", self._all_served, _INSTALL_PATIENCE)

    def _all_served(self) -> bool:
        served = {
            item["metadata"]["name"]
            for item in self.kubectl.items("falconnodes.falcon.dev")
            if condition(item.get("status") or {}, "Ready").get("status") == "True"
        }
        # A DaemonSet without pods counts as rolled out, hence the nodes.
        return served >= set(self.nodes()) and set(self.ready_sensors()) >= set(self.nodes())

    # ------------------------------------------------------------------------------ its parts

    @property
    def _here(self) -> tuple[str, str]:
        return ("-n", NAMESPACE)

    def nodes(self) -> list[str]:
        """Names of the nodes that can have a sensor: those with a kubelet that answers."""
        return [
            item["metadata"]["name"]
            for item in self.kubectl.items("nodes")
            if any(each["type"] == "Ready" and each["status"] == "True" for each in item["status"]["conditions"])
        ]

    def pods(self, component: str) -> list[Body]:
        selector = f"app.kubernetes.io/name=falcon,app.kubernetes.io/component={component}"
        return self.kubectl.items(*self._here, "pods", "-l", selector)

    def sensors(self) -> dict[str, str]:
        """The sensor's pod of each node; pods on their way out do not count."""
        return {
            pod["spec"]["nodeName"]: pod["metadata"]["name"]
            for pod in self.pods("sensor")
            if "deletionTimestamp" not in pod["metadata"] and pod["spec"].get("nodeName")
        }

    def ready_sensors(self) -> list[str]:
        """Nodes whose sensor sees and answers."""
        return [
            pod["spec"]["nodeName"]
            for pod in self.pods("sensor")
            if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]

    def leader(self) -> str:
        """Name of the operator's pod that leads."""
        lease = self.kubectl.get(*self._here, "lease", f"{NAME}-operator")
        return str(lease["spec"].get("holderIdentity") or "")

    def metrics(self, pod: str, port: int = 8766) -> list[Sample]:
        text = self.kubectl.run("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{port}/proxy/metrics")
        return [
            Sample(found["name"], dict(_LABEL.findall(found["labels"] or "")), float(found["value"]))
            for found in map(_SAMPLE.fullmatch, text.splitlines())
            if found is not None
        ]

    def metric(self, pod: str, name: str, port: int = 8766, /, **labels: str) -> float:
        """Sum of the samples with this name and these labels; 0 if there is none."""
        return sum(
            each.value
            for each in self.metrics(pod, port)
            if each.name == name and labels.items() <= each.labels.items()
        )

    # ------------------------------------------------------------------------------ rules

    def status(self, *resource: str) -> Body:
        """The status, empty while there is none: ``status("fr", "shells", "-n", "team")``."""
        found = self.kubectl.find(*resource)
        return dict((found or {}).get("status") or {})

    def condition(self, kind: str, *resource: str) -> Body:
        return condition(self.status(*resource), kind)

    def wait_ready(self, *resource: str, timeout: float = 90.0) -> Body:
        """Until the newest version of the rule is in force on every node; returns the status."""

        def look() -> Body | None:
            found = self.kubectl.find(*resource)
            status = (found or {}).get("status") or {}
            newest = found is not None and status.get("observedGeneration") == found["metadata"]["generation"]
            return dict(status) if newest and condition(status, "Ready").get("status") == "True" else None

        try:
            return until(f"{' '.join(resource)} is ready", look, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.status(*resource), indent=1)}") from None

    def apply(self, *rules: Body) -> None:
        """Applies rules and waits until all of them are in force everywhere."""
        self.kubectl.apply(*rules)
        for rule in rules:
            self.wait_ready(*resource(rule))

    # ------------------------------------------------------------------------------ alerts

    def events(self, namespace: str | None = None, reason: str | None = None) -> list[Body]:
        """Falcon's Events of a namespace or of all, as `kubectl get events` has them."""
        place = ("-n", namespace) if namespace else ("-A",)
        return [
            item
            for item in self.kubectl.items("events", *place)
            if "falcon" in f"{item.get('reportingComponent')}{item.get('source')}" and reason in (None, item["reason"])
        ]


def told(events: list[Body]) -> int:
    """How many alerts Events stand for, repeats included."""
    return sum((event.get("series") or {}).get("count") or event.get("count") or 1 for event in events)


def resource(rule: Body) -> tuple[str, ...]:
    """A rule as kubectl takes it."""
    meta = rule["metadata"]
    place = ("-n", meta["namespace"]) if "namespace" in meta else ()
    return (f"{rule['kind'].lower()}.falcon.dev", meta["name"], *place)


def condition(status: Mapping[str, Any], kind: str) -> Body:
    return next((dict(each) for each in status.get("conditions") or () if each["type"] == kind), {})


def is_ready(pod: Body) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

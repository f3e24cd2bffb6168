"""Sensors' pods, and which of them speaks for its node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from falcon_operator.clients.api import Object

PORT_NAME = "api"
"""Name of the container port of the sensor's HTTPS API; a pod without it uses the port of the settings."""


@dataclass(frozen=True, slots=True)
class SensorPod:
    """What counts of one pod. A change of any of it means that its sensor may be another, or reachable anew."""

    name: str
    uid: str
    node: str
    address: str | None
    """None while there is no sensor to talk to: not started, ended, or being deleted."""
    port: int | None
    ready: bool
    restarts: int
    created: str


def reduce(body: Object) -> SensorPod | None:
    """None for a pod that has no node yet."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    if not spec.get("nodeName"):
        return None
    running = status.get("phase") == "Running" and not metadata.get("deletionTimestamp")
    conditions = status.get("conditions") or ()
    return SensorPod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        node=spec["nodeName"],
        address=(status.get("podIP") or None) if running else None,
        port=_port(spec),
        ready=any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions),
        restarts=sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ()),
        created=metadata.get("creationTimestamp") or "",
    )


def chosen(pods: Iterable[SensorPod]) -> dict[str, SensorPod]:
    """One pod for each node: one with an address before one without, then the youngest."""
    best: dict[str, SensorPod] = {}
    for pod in pods:
        rival = best.get(pod.node)
        if rival is None or _rank(pod) > _rank(rival):
            best[pod.node] = pod
    return best


def _rank(pod: SensorPod) -> tuple[bool, str, str]:
    return pod.address is not None, pod.created, pod.name


def _port(spec: Object) -> int | None:
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == PORT_NAME:
                number = port.get("containerPort")
                return number if isinstance(number, int) else None
    return None

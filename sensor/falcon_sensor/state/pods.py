"""Pods of this node by UID, as the API server tells of them.

    watch (agent's process) --slim()--> plain JSON --read()--> Pods (this process) --> fields, ownership

The UID stands in the cgroup path of every process of a pod, so a container that lived 50 ms has
its pod's name although no status ever named the container. The UID of a static pod is there the
kubelet's hash; the API server's object names that hash in an annotation.

Written by one thread, read by others: every change is one assignment in a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from falcon_sensor.state import cache, description, references

DEPARTED: Final = 512
"""Pods remembered after they went: their last processes end later than their object, after a forced deletion
by half a minute. Several times the pods of a node."""

_STATIC_UID: Final = "kubernetes.io/config.hash"
_STATUSES: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_SPECS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Pod:
    """uid: the API object's; `cgroup_uid`: as in cgroup paths, which differs for static pods alone.

    containers: full container id to what its status says; ids that no status names yet are missing.
    names: of all containers of the spec. sole: the container of a pod that has one. Text is bytes, as everywhere in
    events.
    """

    uid: bytes
    cgroup_uid: bytes
    namespace: bytes
    name: bytes
    labels: Mapping[bytes, bytes] = field(default_factory=dict)
    ip: bytes | None = None
    service_account: bytes | None = None
    names: tuple[bytes, ...] = ()
    containers: Mapping[bytes, description.Description] = field(default_factory=dict)
    sole: description.Description | None = None

    def container(self, container_id: bytes) -> description.Description | None:
        """By its status; while there is no status at all, the pod's only container, since it can be no other."""
        return self.containers.get(container_id) or (None if self.containers else self.sole)


def slim(pod: Mapping[str, Any]) -> dict[str, Any]:
    """What is needed of a Pod object, still JSON. Raises KeyError and TypeError for what is no Pod."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    statuses = [each for key in _STATUSES for each in status.get(key) or ()]
    return {
        "uid": metadata["uid"],
        "cgroup_uid": annotations.get(_STATIC_UID) or metadata["uid"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "labels": metadata.get("labels") or {},
        "ip": status.get("podIP") or None,
        "service_account": spec.get("serviceAccountName") or None,
        "images": {each["name"]: each.get("image") or "" for key in _SPECS for each in spec.get(key) or ()},
        "containers": [
            [each["containerID"], each["name"], each.get("imageID") or ""]
            for each in statuses
            if each.get("containerID")
        ],
    }


def read(entry: Mapping[str, Any]) -> Pod:
    """The pod that `slim` made `entry` of."""
    images = entry["images"]
    found = {}
    for url, name, image_id in entry["containers"]:
        kind, _, container_id = url.partition("://")
        found[container_id.encode()] = _described(kind, name, images.get(name, ""), image_id)
    return Pod(
        uid=entry["uid"].encode(),
        cgroup_uid=entry["cgroup_uid"].encode(),
        namespace=entry["namespace"].encode(),
        name=entry["name"].encode(),
        labels={key.encode(): value.encode() for key, value in entry["labels"].items()},
        ip=_bytes(entry["ip"]),
        service_account=_bytes(entry["service_account"]),
        names=tuple(name.encode() for name in images),
        containers=found,
        sole=_only(images),
    )


class Pods:
    """All pods of this node. `synced`: whether the whole list has arrived once."""

    def __init__(self) -> None:
        self.synced = False
        self._pods: dict[bytes, Pod] = {}
        self._departed: cache.Generations[bytes, Pod] = cache.Generations(DEPARTED)
        self._changed: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._pods)

    def on_change(self, call: Callable[[], None]) -> None:
        """call: from now on after every change, in the thread that made it."""
        self._changed = call

    def get(self, cgroup_uid: bytes | None) -> Pod | None:
        """The pod by the UID in its cgroup paths; also one that went not long ago."""
        if cgroup_uid is None:
            return None
        return self._pods.get(cgroup_uid) or self._departed.get(cgroup_uid)

    def replace(self, pods: Iterable[Pod]) -> None:
        """These are all there are."""
        current = {pod.cgroup_uid: pod for pod in pods}
        for uid, pod in self._pods.items():
            if uid not in current:
                self._departed.put(uid, pod)
        self._pods, self.synced = current, True
        self._changed()

    def put(self, pod: Pod) -> None:
        """One that came or changed."""
        # A copy, not a change in place: a reader may be looking through it.
        self._pods = {**self._pods, pod.cgroup_uid: pod}
        self._changed()

    def remove(self, cgroup_uid: bytes) -> None:
        if (pod := self._pods.get(cgroup_uid)) is not None:
            self._departed.put(cgroup_uid, pod)
            self._pods = {uid: each for uid, each in self._pods.items() if uid != cgroup_uid}
            self._changed()


NOBODY: Final = Pods()
"""Of a machine that is no node of a cluster."""


def _only(images: Mapping[str, str]) -> description.Description | None:
    if len(images) != 1:
        return None
    ((name, image),) = images.items()
    return _described("", name, image, "")


def _described(kind: str, name: str, image: str, image_id: str) -> description.Description:
    """A container as its status shows it; what the runtime's files say beyond that is missing."""
    written = image.encode()
    repository, tag, digest = references.parse(written)
    return description.Description(
        type=kind.encode() or b"containerd",
        name=name.encode(),
        image=written or None,
        image_id=image_id.rpartition("/")[2].encode() or None,
        repository=repository,
        tag=tag,
        digest=digest,
        complete=False,
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()

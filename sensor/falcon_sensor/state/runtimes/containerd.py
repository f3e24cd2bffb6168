"""containerd: the bundle of each running task, with the CRI plugin's annotations for Kubernetes.

    /run/containerd/io.containerd.runtime.v2.task/<namespace>/<id>/config.json

Namespaces are `k8s.io` (kubelet), `default` (ctr, nerdctl), `moby` (Docker). Image names of ctr and
nerdctl containers are only in containerd's database and stay unknown here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from falcon_sensor.state import description
from falcon_sensor.state.runtimes import files, oci

TASKS = ("run/containerd/io.containerd.runtime.v2.task", "run/k3s/containerd/io.containerd.runtime.v2.task")
"""Also k3s and RKE2, which run a containerd of their own."""

FIRST_NAMESPACE = "k8s.io"

CRI = b"io.kubernetes.cri."


class Containerd:
    def __init__(self, host: files.Files) -> None:
        self._host = host

    def describe(self, container_id: bytes) -> description.Description | None:
        name = files.safe_name(container_id)
        if name is None:
            return None
        for tasks in TASKS:
            namespaces = self._host.names(tasks)
            for namespace in sorted(namespaces, key=lambda each: each != FIRST_NAMESPACE):
                bundle = f"{tasks}/{namespace}/{name}"
                config = self._host.table(f"{bundle}/config.json")
                if config:
                    found = _describe(config, container_id, b"docker" if namespace == "moby" else b"containerd", bundle)
                    pid = self._host.read(f"{bundle}/init.pid", 32) or b""
                    return replace(found, init_pid=int(pid) if pid.isdigit() else None)
        return None


def _describe(config: dict[str, Any], container_id: bytes, kind: bytes, bundle: str) -> description.Description:
    annotations = files.texts(config.get("annotations"))
    cri = {key.removeprefix(CRI): value for key, value in annotations.items() if key.startswith(CRI)}
    found = oci.describe(config, kind, cri.get(b"image-name") or cri.get(b"podsandbox.image-name"), bundle)
    if b"container-type" not in cri:
        return replace(
            found,
            name=annotations.get(b"nerdctl/name") or container_id,
            labels=files.without(annotations, (b"nerdctl/",)),
        )
    is_sandbox = cri[b"container-type"] == b"sandbox"
    pod_name, namespace = cri.get(b"sandbox-name"), cri.get(b"sandbox-namespace")
    labels = {
        description.POD_NAME: pod_name,
        description.POD_NAMESPACE: namespace,
        description.POD_UID: cri.get(b"sandbox-uid"),
        description.CONTAINER_NAME: cri.get(b"container-name"),
    }
    return replace(
        found,
        name=pod_name if is_sandbox else cri.get(b"container-name"),
        labels={key: value for key, value in labels.items() if value is not None},
        pod_name=pod_name,
        pod_namespace=namespace,
        pod_uid=cri.get(b"sandbox-uid"),
        sandbox_id=cri.get(b"sandbox-id"),
        is_sandbox=is_sandbox,
    )

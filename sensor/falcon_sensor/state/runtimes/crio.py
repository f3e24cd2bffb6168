"""CRI-O: the configuration it writes for runc or crun, full of its own annotations.

/run/containers/storage/overlay-containers/<id>/userdata/config.json
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from falcon_sensor.state import description
from falcon_sensor.state.runtimes import files, oci

USERDATA = (
    "run/containers/storage/overlay-containers/{}/userdata",
    "var/lib/containers/storage/overlay-containers/{}/userdata",
)
CRIO = b"io.kubernetes.cri-o."


class Crio:
    def __init__(self, host: files.Files) -> None:
        self._host = host

    def describe(self, container_id: bytes) -> description.Description | None:
        name = files.safe_name(container_id)
        for folder in USERDATA if name is not None else ():
            config = self._host.table(folder.format(name) + "/config.json")
            annotations = files.texts(config.get("annotations"))
            if CRIO + b"ContainerType" in annotations:
                pid = (self._host.read(folder.format(name) + "/pidfile", 32) or b"").strip()
                return replace(_describe(config, annotations), init_pid=int(pid) if pid.isdigit() else None)
        return None


def _describe(config: dict[str, Any], annotations: dict[bytes, bytes]) -> description.Description:
    crio = {key.removeprefix(CRIO): value for key, value in annotations.items() if key.startswith(CRIO)}
    labels = files.texts(files.parse_json(crio.get(b"Labels")))
    is_sandbox = crio[b"ContainerType"] == b"sandbox"
    own = {**annotations, **labels}  # the kubelet's labels can't be written by the pod's author, annotations can
    pod_name = own.get(description.POD_NAME) or crio.get(b"KubeName")
    found = oci.describe(config, b"cri-o", crio.get(b"UserRequestedImage") or crio.get(b"ImageName"))
    return replace(
        found,
        name=pod_name
        if is_sandbox
        else own.get(description.CONTAINER_NAME) or crio.get(b"ContainerName") or crio.get(b"Name"),
        image_id=crio.get(b"Image") or crio.get(b"ImageRef"),
        labels=labels,
        pod_labels=labels if is_sandbox else {},
        pod_name=pod_name,
        pod_namespace=own.get(description.POD_NAMESPACE) or crio.get(b"Namespace"),
        pod_uid=own.get(description.POD_UID),
        sandbox_id=crio.get(b"SandboxID"),
        is_sandbox=is_sandbox,
        ip=crio.get(b"IP.0"),
        created=files.time(crio.get(b"Created", b"").decode("utf-8", "replace")),
    )

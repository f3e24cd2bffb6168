"""What is known of a container beyond its id, in one shape for every runtime.

Text is bytes, as everywhere in events. Absent knowledge is None (or empty for collections);
sources fill what their files tell and leave the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POD_NAME = b"io.kubernetes.pod.name"
POD_NAMESPACE = b"io.kubernetes.pod.namespace"
POD_UID = b"io.kubernetes.pod.uid"
CONTAINER_NAME = b"io.kubernetes.container.name"
"""Labels that the kubelet gives to every container, whatever the runtime."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a container, in Falco's terms. mode: the options as text."""

    source: bytes
    destination: bytes
    mode: bytes
    writable: bool
    propagation: bytes

    def text(self) -> bytes:
        """`source:dest:mode:rdwr:propagation`, an entry of `container.mounts`."""
        rdwr = b"true" if self.writable else b"false"
        return b":".join((self.source, self.destination, self.mode, rdwr, self.propagation))


@dataclass(frozen=True, slots=True)
class Description:
    """Metadata of one container.

    type: `docker`, `containerd`, `cri-o`, `podman`, `runc`, `lxc`. image: name with tag as people
    write it. image_id: the runtime's id of the image. sandbox_id: full id of the pod's sandbox
    container. created: ns since the epoch. init_pid: host pid of its first process. rootfs: its
    root directory as the host names it. complete: False while the runtime is still writing; such
    a description is asked for again.
    """

    type: bytes
    name: bytes | None = None
    image: bytes | None = None
    image_id: bytes | None = None
    repository: bytes | None = None
    tag: bytes | None = None
    digest: bytes | None = None
    privileged: bool | None = None
    mounts: tuple[Mount, ...] = ()
    labels: Mapping[bytes, bytes] = field(default_factory=dict)
    pod_name: bytes | None = None
    pod_namespace: bytes | None = None
    pod_uid: bytes | None = None
    pod_labels: Mapping[bytes, bytes] = field(default_factory=dict)
    sandbox_id: bytes | None = None
    is_sandbox: bool = False
    ip: bytes | None = None
    host_pid: bool | None = None
    host_network: bool | None = None
    host_ipc: bool | None = None
    created: int | None = None
    init_pid: int | None = None
    rootfs: bytes | None = None
    complete: bool = True

"""From a cgroup path to the container it belongs to, by the forms the runtimes give their paths.

    /system.slice/docker-<id>.scope                                     Docker, systemd driver
    /docker/<id>                                                        Docker, cgroupfs driver
    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8c2f_.slice/cri-containerd-<id>.scope
    /kubepods/besteffort/pod8c2f-.../<id>                               Kubernetes, cgroupfs driver
    /kubepods.slice/.../crio-<id>.scope                                 CRI-O; crio-conmon-<id> is its monitor
    /machine.slice/libpod-<id>.scope/container                          podman; libpod-conmon-<id> is its monitor
    /lxc.payload.<name>, /lxc/<name>                                    LXC; lxc.monitor.<name> is its monitor

An id is 64 hexadecimal digits at the end of a component. Of several the last one counts, except
within a pod, where it is the first one below the pod's own component: a process that may make
cgroups in its container must not take the name of another container by naming one so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from falcon_sensor.state import cache

BOUND = 4096
"""Paths remembered: many times the containers of one node (kubelet's limit is 110 pods by default)."""

HEX_ID = re.compile(rb"(?P<prefix>(?:.*[^0-9a-f])?)(?P<id>[0-9a-f]{64})(?:\.scope|\.service)?", re.DOTALL)
POD = re.compile(
    rb"(?:^|-)pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=$|\.slice(?:$|:))"
)
"""The second form is a static pod's: the kubelet names those by a hash without dashes."""
FARGATE_ID = re.compile(rb"[0-9a-f]{32}-[0-9]{1,10}")
LIBVIRT = re.compile(rb"machine-lxc-[0-9]+-(?P<name>.+)\.scope", re.DOTALL)

TYPES = {
    b"docker": b"docker",
    b"cri-containerd": b"containerd",
    b"nerdctl": b"containerd",
    b"crio": b"cri-o",
    b"libpod": b"podman",
    b"libpod-payload": b"podman",
}
"""Runtime by what stands before the id in its component."""

PARENT_TYPES = {
    b"docker": b"docker",
    b"moby": b"docker",
    b"k8s.io": b"containerd",
    b"default": b"containerd",
    b"libpod_parent": b"podman",
    b"garden": b"garden",
}
"""Runtime by the component above, where the id stands alone."""

MONITORS = (b"crio-conmon-", b"libpod-conmon-", b"lxc.monitor.")


class Match(NamedTuple):
    """id: full container id. type: runtime as far as the form tells, else None. pod_uid: canonical, with dashes."""

    id: bytes
    type: bytes | None = None
    pod_uid: bytes | None = None

    @property
    def short_id(self) -> bytes:
        """What `container.id` shows: 12 characters of a hexadecimal id, a name chosen by people in full."""
        return self.id[:12] if len(self.id) == 64 and HEX_ID.fullmatch(self.id) else self.id


def parse(path: bytes) -> Match | None:
    """The container that owns the cgroup, None if the path's form names none. Any bytes are accepted."""
    parts = [part.replace(b"\\x2d", b"-") for part in path.split(b"/") if part]
    if any(part.startswith(MONITORS) for part in parts):
        return None
    pod_uid, below = _pod(parts)
    if pod_uid is not None:
        found = next(filter(None, (_hex_id(parts, at) for at in range(below, len(parts)))), None)
    else:
        found = next(filter(None, (_hex_id(parts, at) for at in reversed(range(len(parts))))), None)
    if found is not None:
        return found._replace(pod_uid=pod_uid)
    return _named(parts)


def _pod(parts: list[bytes]) -> tuple[bytes | None, int]:
    """The pod's UID and the index of the first component that may hold a container of it."""
    in_kubepods = False
    for at, part in enumerate(parts):
        in_kubepods = in_kubepods or b"kubepods" in part
        match = POD.search(part) if in_kubepods else None
        if match is not None:
            # containerd with mixed drivers puts all into one component: <slice>:cri-containerd:<id>
            below = at if b":" in part else at + 1
            return match["uid"].replace(b"_", b"-"), below
    return None, 0


def _hex_id(parts: list[bytes], at: int) -> Match | None:
    match = HEX_ID.fullmatch(parts[at])
    if match is None:
        return None
    prefix = match["prefix"].rstrip(b"-_:").rpartition(b":")[2]
    if prefix:
        return Match(match["id"], TYPES.get(prefix))
    return Match(match["id"], PARENT_TYPES.get(parts[at - 1]) if at else None)


def _named(parts: list[bytes]) -> Match | None:
    """Runtimes whose containers have names instead of hexadecimal ids."""
    for at, part in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else b""
        if part.startswith(b"lxc.payload."):
            return Match(part.removeprefix(b"lxc.payload."), b"lxc")
        if part in (b"lxc", b"lxc.payload") and following:
            return Match(following, b"lxc")
        if part == b"garden" and following:
            return Match(following, b"garden")
        if part == b"ecs" and FARGATE_ID.fullmatch(parts[-1]):
            return Match(parts[-1], b"ecs")
        libvirt = LIBVIRT.fullmatch(part)
        if libvirt is not None:
            return Match(libvirt["name"], b"libvirt-lxc")
    return None


class Cgroups:
    """`parse` with a memory."""

    def __init__(self) -> None:
        self._seen: cache.Generations[bytes, tuple[Match | None]] = cache.Generations(BOUND)

    def match(self, path: bytes) -> Match | None:
        seen = self._seen.get(path)
        if seen is None:
            seen = (parse(path),)
            self._seen.put(path, seen)
        return seen[0]

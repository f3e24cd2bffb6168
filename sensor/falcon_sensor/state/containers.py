"""Containers by id, described by whichever runtime knows them.

The id and the pod's UID come from the cgroup path and are always there; the description is asked
of the runtimes' files on first use. Those may be written a moment after the container's first
process starts, so a miss is asked again, after growing pauses and a bounded number of times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from falcon_sensor.records import decode, layout
from falcon_sensor.state import cache, cgroups, description
from falcon_sensor.state.runtimes import containerd, crio, docker, files, named, podman, runc

REMEMBERED = 1024
"""Descriptions kept: several times the containers of a node."""

PAUSES_S = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Between tries while nothing, or not everything, is known. After the last one it stays as it is."""


class Container:
    """One container (or the host, see `HOST`).

    id: what `container.id` shows. full_id: as in the cgroup path.
    """

    __slots__ = ("_describe", "_match", "full_id", "id")

    def __init__(
        self, match: cgroups.Match, describe: Callable[[cgroups.Match], description.Description | None]
    ) -> None:
        self._match = match
        self._describe = describe
        self.full_id = match.id
        self.id = match.short_id

    @property
    def is_host(self) -> bool:
        return self is HOST

    @property
    def description(self) -> description.Description | None:
        """None while no runtime's files tell anything about this container."""
        return self._describe(self._match)

    @property
    def type(self) -> bytes | None:
        """`docker`, `containerd`, `cri-o`, `podman`, `runc`, `lxc`...: by the runtime's files, else by the cgroup."""
        found = self.description
        return found.type if found is not None else self._match.type

    @property
    def name(self) -> bytes | None:
        found = self.description
        return found.name if found is not None else None

    @property
    def image(self) -> bytes | None:
        """Name with tag, as the container was asked for."""
        found = self.description
        return found.image if found is not None else None

    @property
    def repository(self) -> bytes | None:
        found = self.description
        return found.repository if found is not None else None

    @property
    def tag(self) -> bytes | None:
        found = self.description
        return found.tag if found is not None else None

    @property
    def digest(self) -> bytes | None:
        found = self.description
        return found.digest if found is not None else None

    @property
    def cgroup_pod_uid(self) -> bytes | None:
        """As the cgroup path has it; asks no file."""
        return self._match.pod_uid

    @property
    def pod_uid(self) -> bytes | None:
        """From the cgroup path (there before any file is), else from the runtime."""
        if self._match.pod_uid is not None:
            return self._match.pod_uid
        found = self.description
        return found.pod_uid if found is not None else None

    def label(self, key: bytes) -> bytes | None:
        found = self.description
        return found.labels.get(key) if found is not None else None


_HOST_DESCRIPTION = description.Description(type=b"host", name=b"host", repository=b"", tag=b"")

HOST = Container(cgroups.Match(b"host"), lambda match: _HOST_DESCRIPTION)
"""What every process outside containers is in. Its image's repository and tag are empty texts, which exist."""


class _Known:
    """What was found out about one container, and when to ask again."""

    __slots__ = ("found", "next_try", "tries")

    def __init__(self) -> None:
        self.found: description.Description | None = None
        self.tries = 0
        self.next_try = 0.0

    @property
    def is_settled(self) -> bool:
        return (self.found is not None and self.found.complete) or self.tries > len(PAUSES_S)


class Containers:
    """host_root: where the host's root directory is seen. runc_roots: as the host names them."""

    def __init__(self, host_root: str, runc_roots: Sequence[str]) -> None:
        host = files.Files(host_root)
        self._cgroups = cgroups.Cgroups()
        self._runc = runc.Runc(host, runc_roots)
        self._docker = docker.Docker(host)
        self._containerd = containerd.Containerd(host)
        self._crio = crio.Crio(host)
        self._podman = podman.Podman(host)
        self._sources: dict[bytes | None, tuple[files.Source, ...]] = {
            b"docker": (self._docker, self._containerd),
            b"containerd": (self._containerd, self._runc),
            b"cri-o": (self._crio, self._podman),
            b"podman": (self._podman, self._crio, self._runc),
            b"runc": (self._containerd, self._runc),
            **{kind: (named.Named(kind),) for kind in named.TYPES},
            None: (self._containerd, self._docker, self._crio, self._podman, self._runc),
        }
        self._known: cache.Generations[bytes, _Known] = cache.Generations(REMEMBERED)

    def find(self, cgroup: bytes, cgroup_v1: bytes, other_mounts: bool) -> Container:
        """The container of a process by its cgroups, or `HOST`.

        other_mounts: whether it is in another mount namespace than init. Only then may runc's own
        files name a container that the path's form does not.
        """
        match = self._cgroups.match(cgroup) or (self._cgroups.match(cgroup_v1) if cgroup_v1 else None)
        if match is None and other_mounts:
            match = self._runc.find(cgroup) or self._runc.find(cgroup_v1)
        return Container(match, self.describe) if match is not None else HOST

    def describe(self, match: cgroups.Match) -> description.Description | None:
        known = self._known.get(match.id)
        if known is None:
            known = _Known()
            self._known.put(match.id, known)
        if not known.is_settled and time.monotonic() >= known.next_try:
            self._ask(match, known)
        return known.found

    def note_runc(self, record: decode.Record) -> None:
        """Learn where runc keeps its state from a root user's command `runc --root DIR ...` on the host."""
        if record.head.uid == 0 and not record.head.flags & layout.Flag.CONTAINER:
            root = runc.root_argument(record.strings("args"))
            if root is not None:
                self._runc.add_root(os.path.join(os.fsdecode(record.blob("cwd")), os.fsdecode(root)))

    def _ask(self, match: cgroups.Match, known: _Known) -> None:
        for source in self._sources.get(match.type, self._sources[None]):
            found = source.describe(match.id)
            if found is not None:
                known.found = found
                break
        known.next_try = time.monotonic() + PAUSES_S[min(known.tries, len(PAUSES_S) - 1)]
        known.tries += 1

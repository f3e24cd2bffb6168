"""Containers by id, described by whichever runtime knows them.

The id and the pod's UID come from the cgroup path and are always there; the description is asked
of the runtimes' files on first use. Those may be written a moment after the container's first
process starts, so a miss is asked again after `RETRY_NS`, at most `TRIES` times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from falcon_sensor.state import cgroups, description

EMPTY: Mapping[bytes, bytes] = {}


class Container:
    """One container (or the host, see `HOST`).

    id: what `container.id` shows. full_id: as in the cgroup path. pod_uid: from the cgroup path,
    in canonical form with dashes, None outside Kubernetes.
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
        """`docker`, `containerd`, `cri-o`, `podman`, `runc`, `lxc`...; from the runtime, else from the cgroup's form."""
        found = self.description
        return found.type if found is not None else self._match.type

    @property
    def name(self) -> bytes | None:
        found = self.description
        return found.name if found is not None else None

    @property
    def repository(self) -> bytes | None:
        found = self.description
        return found.repository if found is not None else None

    @property
    def tag(self) -> bytes | None:
        found = self.description
        return found.tag if found is not None else None

    @property
    def pod_uid(self) -> bytes | None:
        found = self.description
        return self._match.pod_uid or (found.pod_uid if found is not None else None)

    def label(self, key: bytes) -> bytes | None:
        found = self.description
        return found.labels.get(key) if found is not None else None


HOST = Container(
    cgroups.Match(b"host"),
    lambda match: description.Description(type=b"host", name=b"host", image=None, repository=b"", tag=b""),
)
"""What every process outside containers is in. Its image's repository and tag are empty texts, which exist."""

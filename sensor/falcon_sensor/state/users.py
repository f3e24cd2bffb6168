"""User and group names, from the files of the process's own container where it has any.

A container's files are what its processes make of them. They are read through /proc/PID/root of a
process in the container's mount namespace, bounded and only as regular files (see `rooted`), and
are looked at again when they change. Nothing is read where a FUSE file system could make us wait:
its server may be a process of the container.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from falcon_sensor.state import cache, description, procfs, rooted

UNKNOWN = b"<NA>"
"""What the language prints for a name that is not known: a text that exists, not an absent value."""

FILE_CAP = 1 << 20
"""A passwd file of 1 MiB has some 15,000 users; directories of more are not kept in files."""

CONTAINERS = 512
"""Containers whose names are remembered: several times the pods of a node."""

FRESH_S = 1.0
"""So long names are used without looking whether the file changed."""

SETTLE_S = 0.05
"""A name that is not found makes us look again, but not more often than this."""


@dataclass(frozen=True, slots=True)
class User:
    """home and shell are `UNKNOWN` when there is no entry."""

    uid: int
    name: bytes
    home: bytes
    shell: bytes


@dataclass(frozen=True, slots=True)
class Group:
    gid: int
    name: bytes


def parse_passwd(text: bytes) -> dict[int, User]:
    """Users by id; of several with one id the first counts, as for the C library. Other lines are skipped."""
    found: dict[int, User] = {}
    for line in text.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 7 and _is_id(fields[2]):
            uid = int(fields[2])
            found.setdefault(uid, User(uid, fields[0], fields[5], fields[6]))
    return found


def parse_group(text: bytes) -> dict[int, Group]:
    found: dict[int, Group] = {}
    for line in text.split(b"\n"):
        fields = line.split(b":", 3)
        if len(fields) >= 3 and _is_id(fields[2]):
            gid = int(fields[2])
            found.setdefault(gid, Group(gid, fields[0]))
    return found


def _is_id(field: bytes) -> bool:
    return field.isdigit() and len(field) <= 10


class Names:
    """The names of one root directory.

    root: gives the path of a directory to look in now and whether symbolic links may be followed
    there, or None when there is none at the moment: then what was read before stays in force.
    """

    def __init__(self, root: Callable[[], tuple[str, bool] | None]) -> None:
        self._root = root
        self._users: dict[int, User] = {}
        self._groups: dict[int, Group] = {}
        self._signatures: tuple[object, object] = (None, None)
        self._looked = float("-inf")

    def user(self, uid: int) -> User:
        self._look(FRESH_S)
        found = self._users.get(uid)
        if found is None:
            self._look(SETTLE_S)
            found = self._users.get(uid) or User(uid, b"root" if uid == 0 else UNKNOWN, UNKNOWN, UNKNOWN)
        return found

    def group(self, gid: int) -> Group:
        self._look(FRESH_S)
        found = self._groups.get(gid)
        if found is None:
            self._look(SETTLE_S)
            found = self._groups.get(gid) or Group(gid, b"root" if gid == 0 else UNKNOWN)
        return found

    def _look(self, age: float) -> None:
        now = time.monotonic()
        if now - self._looked < age:
            return
        where = self._root()
        if where is None:
            return
        path, symlinks = where
        try:
            with rooted.directory(path) as root:
                self._read(root, symlinks)
        except OSError:
            return
        self._looked = now

    def _read(self, root: int, symlinks: bool) -> None:
        passwd, group = (rooted.signature(root, name, symlinks) for name in ("etc/passwd", "etc/group"))
        if passwd != self._signatures[0]:
            self._users = parse_passwd(rooted.read(root, "etc/passwd", FILE_CAP, symlinks) or b"")
        if group != self._signatures[1]:
            self._groups = parse_group(rooted.read(root, "etc/group", FILE_CAP, symlinks) or b"")
        self._signatures = (passwd, group)


class _ContainerNames:
    """The names of one container, through whichever of its processes is alive."""

    def __init__(self, proc: procfs.Procfs, host_root: str) -> None:
        self._proc = proc
        self._host_root = host_root
        self.mnt_ns = 0
        self.pids: Sequence[int] = ()
        self.describe: Callable[[], description.Description | None] = lambda: None
        self.names = Names(self._root)

    def _root(self) -> tuple[str, bool] | None:
        for pid in self.pids:
            if self._is_inside(pid):
                return self._through(pid)
        # All gone already. The container's first process may stand in, or its root directory on the host.
        told = self.describe()
        if told is None:
            return None
        if told.init_pid is not None and self._is_inside(told.init_pid):
            return self._through(told.init_pid)
        if told.rootfs is None:
            return None
        return os.path.join(self._host_root, os.fsdecode(told.rootfs).lstrip("/")), True

    def _is_inside(self, pid: int) -> bool:
        """An ancestor may be outside (a shim), and a pid may be another process by now."""
        return self.mnt_ns != 0 and self._proc.namespace(pid, "mnt") == self.mnt_ns

    def _through(self, pid: int) -> tuple[str, bool] | None:
        followed = self._proc.may_follow_symlinks(pid)
        return (f"{self._proc.root}/{pid}/root", followed) if followed is not None else None


class Users:
    """host: the names of the host itself."""

    def __init__(self, proc: procfs.Procfs, host_root: str) -> None:
        self._proc = proc
        self._host_root = host_root
        self._containers: cache.Generations[tuple[bytes, int], _ContainerNames] = cache.Generations(CONTAINERS)
        self.host = Names(lambda: (host_root, True))

    def of_container(
        self,
        container_id: bytes,
        mnt_ns: int,
        pids: Sequence[int],
        describe: Callable[[], description.Description | None],
    ) -> Names:
        """mnt_ns: inode of the mount namespace. pids: processes that may be in it, likeliest first."""
        # By namespace too: a process that unshares its mounts must not name the users of all others.
        found = self._containers.get((container_id, mnt_ns))
        if found is None:
            found = _ContainerNames(self._proc, self._host_root)
            self._containers.put((container_id, mnt_ns), found)
        found.pids, found.mnt_ns, found.describe = pids, mnt_ns, describe
        return found.names

"""runc and crun themselves: ids that no cgroup form betrays, and what their own files say.

`runc run web` puts its container into a cgroup `.../web`, which looks like any other. But runc keeps

    <root>/<id>/state.json      cgroup_paths: {"memory": "/sys/fs/cgroup/memory/web", ...}
                                or on a pure version-2 machine {"": "/sys/fs/cgroup/web"}

(crun: <root>/<id>/status with `cgroup-path`), so the paths lead back to ids. A root is listed
again when its directory changed; an id whose file was not there yet is looked at each time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from falcon_sensor.state import cgroups, description
from falcon_sensor.state.runtimes import files, oci

ROOTS = (
    "run/runc",
    "run/crun",
    "run/docker/runtime-runc/moby",
    "run/containerd/runc/*",
    "run/user/*/runc",
    "run/user/*/crun",
)
"""`*` stands for each entry of the directory: containerd's namespaces, users."""

USERS = "run/user/"

MOST_ROOTS = 64
"""Entries that one `*` may stand for."""

MOST_LEARNT = 16
"""Roots learnt from commands. Each costs a `stat` when a cgroup must be looked up."""

MOST_CONTAINERS = 2048
"""Per root. Kubernetes nodes are made for a few hundred."""

CGROUP_MOUNT = "/sys/fs/cgroup/"
UNIFIED_MOUNT = "unified/"
"""Where the version-2 hierarchy is when version 1 is there too, below `CGROUP_MOUNT`."""


class Entry(NamedTuple):
    """One container, of its state file only what is asked for. changed: mtime of its folder, ns."""

    changed: int
    cgroups: tuple[bytes, ...]
    bundle: str | None
    init_pid: int | None
    created: int | None


class _Root:
    """One directory of runc's, as last listed. pending: folders whose state file is not (yet) readable."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.changed = -1
        self.entries: dict[bytes, Entry] = {}
        self.pending: set[str] = set()


class Runc:
    """roots: directories beyond the usual ones, as the host names them."""

    def __init__(self, host: files.Files, roots: Sequence[str] = ()) -> None:
        self._host = host
        self._patterns = (*ROOTS, *map(_normal, roots))
        self._learnt: deque[str] = deque(maxlen=MOST_LEARNT)
        self._globs: dict[str, tuple[int, list[str]]] = {}
        self._roots: dict[str, _Root] = {}
        self._by_cgroup: dict[bytes, bytes] = {}

    def add_root(self, path: str) -> None:
        """Look there too from now on; of too many such the oldest is dropped."""
        path = _normal(path)
        if path and path not in self._learnt and path not in self._roots:
            self._learnt.append(path)

    def find(self, cgroup: bytes) -> cgroups.Match | None:
        """The container whose cgroup this is or lies above it."""
        path = b"/" + cgroup.strip(b"/")
        if path == b"/":
            return None
        self._refresh()
        while path:
            container_id = self._by_cgroup.get(path)
            if container_id is not None:
                return cgroups.Match(container_id, b"runc")
            path = path.rpartition(b"/")[0]
        return None

    def describe(self, container_id: bytes) -> description.Description | None:
        self._refresh()
        known = (root.entries.get(container_id) for root in self._roots.values())
        entry = next((entry for entry in known if entry is not None), None)
        if entry is None:
            return None
        config = self._host.table(f"{entry.bundle}/config.json") if entry.bundle else {}
        annotations = files.texts(config.get("annotations"))
        found = oci.describe(config, b"runc", annotations.get(b"org.opencontainers.image.ref.name"), entry.bundle or "")
        return replace(found, name=container_id, labels=annotations, created=entry.created, init_pid=entry.init_pid)

    def _refresh(self) -> None:
        """Take note of containers that came and went; a few `stat`s when none did."""
        paths = list(dict.fromkeys(self._expand()))
        gone = self._roots.keys() - set(paths)
        for path in gone:
            del self._roots[path]
        changed = bool(gone)
        for path in paths:
            root = self._roots.setdefault(path, _Root(path))
            changed = self._list(root) or changed
        if changed:
            self._by_cgroup = {
                path: container_id
                # What users own is read last and must not override what root says: so it goes in first.
                for root in sorted(self._roots.values(), key=lambda each: not each.path.startswith(USERS))
                for container_id, entry in root.entries.items()
                for path in entry.cgroups
            }

    def _expand(self) -> Iterator[str]:
        for pattern in (*self._patterns, *self._learnt):
            above, star, below = pattern.partition("/*")
            if not star:
                yield pattern
                continue
            changed = self._host.changed(above)
            if self._globs.get(above, (-1, []))[0] != changed:
                self._globs[above] = (changed, self._host.names(above)[:MOST_ROOTS] if changed else [])
            for name in self._globs[above][1]:
                yield f"{above}/{name}{below}"

    def _list(self, root: _Root) -> bool:
        """Whether anything in the root is other than before."""
        now = self._host.changed(root.path)
        if now == root.changed and not root.pending:
            return False
        names = root.pending
        if now != root.changed:
            root.changed = now
            names = set(self._host.names(root.path)[:MOST_CONTAINERS]) if now else set()
            root.entries = {key: entry for key, entry in root.entries.items() if os.fsdecode(key) in names}
        root.pending = set()
        for name in names:
            key, folder = os.fsencode(name), f"{root.path}/{name}"
            changed, known = self._host.changed(folder), root.entries.get(key)
            if known is not None and known.changed == changed:
                continue
            entry = self._entry(folder, changed)
            if entry is not None:
                root.entries[key] = entry
            else:
                root.entries.pop(key, None)
                root.pending.add(name)
        return True

    def _entry(self, folder: str, changed: int) -> Entry | None:
        state = self._host.table(f"{folder}/state.json")
        if state:
            paths = files.texts(state.get("cgroup_paths"))
            relative = [_relative(controller, path) for controller, path in paths.items()]
            pid, bundle = files.number(state.get("init_process_pid")), _bundle(state)
        else:
            state = self._host.table(f"{folder}/status")
            path = (files.text(state.get("cgroup-path")) or b"").strip(b"/")
            relative = [b"/" + path if path else None]
            pid, bundle = files.number(state.get("pid")), state.get("bundle")
        if not state:
            return None
        owned = tuple(path for path in relative if path is not None)
        return Entry(changed, owned, bundle if isinstance(bundle, str) else None, pid, files.time(state.get("created")))


def root_argument(args: Sequence[bytes]) -> bytes | None:
    """DIR of a command `runc ... --root DIR ...`; None when it has none. args: argv with argv[0]."""
    for at, arg in enumerate(args[1:], 1):
        for option in (b"--root", b"-root"):
            if arg == option and at + 1 < len(args):
                return args[at + 1]
            if arg.startswith(option + b"="):
                return arg[len(option) + 1 :]
    return None


def _relative(controller: bytes, path: bytes) -> bytes | None:
    """A path of `cgroup_paths` as processes of the hierarchy see it: without the mount point."""
    mount = CGROUP_MOUNT.encode()
    if not path.startswith(mount):
        return None
    rest = path.removeprefix(mount)
    rest = rest.partition(b"/")[2] if controller else rest.removeprefix(UNIFIED_MOUNT.encode())
    rest = rest.strip(b"/")
    return b"/" + rest if rest else None


def _bundle(state: dict[str, Any]) -> str | None:
    """The bundle's directory, which runc keeps among its labels."""
    labels = files.rows(files.table(state, "config").get("labels"))
    found = (label for label in labels if isinstance(label, str) and label.startswith("bundle="))
    return next((label.removeprefix("bundle=") for label in found), None)


def _normal(path: str) -> str:
    return os.path.normpath(path).strip("/")

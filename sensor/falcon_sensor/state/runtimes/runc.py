"""runc and crun themselves: ids that no cgroup form betrays, and what their own files say.

`runc run web` puts its container into a cgroup `.../web`, which looks like any other. But runc keeps

    <root>/<id>/state.json      cgroup_paths: {"memory": "/sys/fs/cgroup/memory/web", ...}
                                or on a pure version-2 machine {"": "/sys/fs/cgroup/web"}

(crun: <root>/<id>/status with `cgroup-path`), so the paths lead back to ids. A root is listed
again when its directory changed; an id whose file was not there yet is looked at each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

MOST_ROOTS = 64
MOST_CONTAINERS = 2048
"""Per root. Kubernetes nodes are made for a few hundred."""

CGROUP_MOUNT = "/sys/fs/cgroup/"
UNIFIED_MOUNT = "unified/"
"""Where the version-2 hierarchy is when version 1 is there too, below `CGROUP_MOUNT`."""


class Entry(NamedTuple):
    """state: the file's content. cgroups: paths relative to their hierarchies' roots."""

    state: dict[str, Any]
    cgroups: tuple[bytes, ...]


class _Root:
    """One directory of runc's, as last listed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.changed = -1
        self.entries: dict[bytes, Entry] = {}
        self.pending: set[str] = set()


class Runc:
    """roots: directories beyond the usual ones, as the host names them."""

    def __init__(self, host: files.Files, roots: Sequence[str] = ()) -> None:
        self._host = host
        self._patterns = list(ROOTS)
        self._globs: dict[str, tuple[int, list[str]]] = {}
        self._roots: dict[str, _Root] = {}
        self._by_cgroup: dict[bytes, bytes] = {}
        for root in roots:
            self.add_root(root)

    def add_root(self, path: str) -> None:
        path = path.strip("/")
        if path and path not in self._patterns and len(self._patterns) < MOST_ROOTS:
            self._patterns.append(path)

    def find(self, cgroup: bytes) -> cgroups.Match | None:
        """The container whose cgroup this is or lies above it."""
        if cgroup.strip(b"/") == b"":
            return None
        self._refresh()
        path = cgroup.rstrip(b"/")
        while path:
            container_id = self._by_cgroup.get(path)
            if container_id is not None:
                return cgroups.Match(container_id, b"runc")
            path = path.rpartition(b"/")[0]
        return None

    def describe(self, container_id: bytes) -> description.Description | None:
        self._refresh()
        entry = next(
            (root.entries[container_id] for root in self._roots.values() if container_id in root.entries), None
        )
        if entry is None:
            return None
        bundle = _bundle(entry.state)
        config = self._host.table(f"{bundle}/config.json") if bundle else {}
        annotations = files.texts(config.get("annotations"))
        found = oci.describe(config, b"runc", annotations.get(b"org.opencontainers.image.ref.name"))
        pid = files.number(entry.state.get("init_process_pid")) or files.number(entry.state.get("pid"))
        created = files.time(entry.state.get("created"))
        return replace(found, name=container_id, labels=annotations, created=created, init_pid=pid)

    def _refresh(self) -> None:
        """Take note of containers that came and went; a few `stat`s when none did."""
        paths = list(self._expand())
        gone = self._roots.keys() - paths
        for path in gone:
            del self._roots[path]
        changed = bool(gone)
        for path in paths:
            root = self._roots.get(path)
            if root is None:
                root = self._roots[path] = _Root(path)
            changed = self._list(root) or changed
        if changed:
            self._by_cgroup = {
                path: container_id
                # User-owned roots come last among the patterns, and must not override those of root.
                for root in reversed(list(self._roots.values()))
                for container_id, entry in root.entries.items()
                for path in entry.cgroups
            }

    def _expand(self) -> Iterable[str]:
        for pattern in self._patterns:
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
        if now != root.changed:
            root.changed = now
            names = set(self._host.names(root.path)[:MOST_CONTAINERS]) if now else set()
            root.pending = names
            root.entries = {}
        found = {name: self._entry(root.path, name) for name in root.pending}
        root.entries.update({name.encode("utf-8", "surrogateescape"): entry for name, entry in found.items() if entry})
        root.pending = {name for name, entry in found.items() if entry is None}
        return True

    def _entry(self, root: str, name: str) -> Entry | None:
        state = self._host.table(f"{root}/{name}/state.json")
        if state:
            paths = files.texts(state.get("cgroup_paths"))
            return Entry(state, tuple(filter(None, (_relative(key, path) for key, path in paths.items()))))
        status = self._host.table(f"{root}/{name}/status")
        path = files.text(status.get("cgroup-path"))
        return Entry(status, (b"/" + path.strip(b"/"),) if path and path.strip(b"/") else ()) if status else None


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
    """The bundle's directory: runc keeps it among its labels, crun as a member."""
    if isinstance(state.get("bundle"), str):
        return str(state["bundle"])
    labels = files.rows(files.table(state, "config").get("labels"))
    return next(
        (label[len("bundle=") :] for label in labels if isinstance(label, str) and label.startswith("bundle=")), None
    )

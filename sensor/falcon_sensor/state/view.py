"""The door to everything in `state`: the engine asks here, lazily, field by field.

    record of the ring -> observe (exec records only) -> process, ancestor, container, user

Nothing here raises on account of what processes, runtimes or images wrote, and nothing blocks for
longer than a few bounded reads of files. One thread uses a `State`; the `Process` and `Container`
objects it gives are for the record at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from falcon_sensor.records import decode, layout
from falcon_sensor.state import clock, containers, description, hosts, images, lineage, pods, processes, procfs, users
from falcon_sensor.state import process as subject  # `State` has a method of that name

LOGINUID_UNSET = procfs.NO_LOGIN


class State:
    """Processes, containers and users of this machine.

    host_root: where the host's root directory is seen (`/host` in a pod). proc: a procfs of the
    initial pid namespace. max_processes, max_bytes: bounds of the process cache. runc_roots:
    directories beyond the usual ones where runc keeps its state (`runc --root`), as the host
    names them; those of runc commands seen by `observe` are added. node_pods: the pods of this node,
    kept current by somebody else.
    """

    def __init__(
        self,
        *,
        host_root: str = "/",
        proc: str = "/proc",
        max_processes: int = 16384,
        max_bytes: int = 16 << 20,
        runc_roots: Sequence[str] = (),
        node_pods: pods.Pods = pods.NOBODY,
    ) -> None:
        self.pods = node_pods
        self.clock = clock.Clock()
        self.hosts = hosts.Hosts()
        self._proc = procfs.Procfs(proc)
        self._processes = processes.Processes(self._proc, max_processes, max_bytes)
        self._lineage = lineage.Lineage(self._proc, self._processes)
        self._containers = containers.Containers(host_root, runc_roots)
        self._users = users.Users(self._proc, host_root)
        self._record: decode.Record | None = None
        self._line: list[subject.Process] = []
        self._whole_line = False
        self._container: containers.Container | None = None

    def scan(self) -> int:
        """Learn the processes that are there already; returns how many. Call once the probes are attached."""
        return self._processes.scan()

    @property
    def known_processes(self) -> int:
        """How many processes are remembered."""
        return len(self._processes)

    def observe(self, record: decode.Record) -> None:
        """Take note of an exec; failed ones are ignored.

        Call for every exec record, in order, before asking about it.
        """
        self._processes.observe(record)
        if record.comm == b"runc":
            self._containers.note_runc(record)

    # Processes

    def process(self, record: decode.Record) -> subject.Process:
        """The process that did it, as of the record's time."""
        if self._record is not record:
            self._turn_to(record)
        return self._line[0]

    def ancestor(self, record: decode.Record, level: int) -> subject.Process | None:
        """The ancestor `level` steps up (0: the process itself, 1: its parent); None when the chain is shorter."""
        if self._record is not record:
            self._turn_to(record)
        if level >= len(self._line):
            self._extend()
        return self._line[level] if 0 <= level < len(self._line) else None

    def ancestors(self, record: decode.Record) -> list[subject.Process]:
        """All ancestors, parent first, without the process itself."""
        if self._record is not record:
            self._turn_to(record)
        self._extend()
        return self._line[1:]

    def session_leader(self, record: decode.Record) -> subject.Process | None:
        """Leader of the session, or the eldest ancestor in it when the leader is gone."""
        return self._leader(record, record.head.sid, lineage.session_of)

    def group_leader(self, record: decode.Record) -> subject.Process | None:
        """Leader of the process group, or the eldest ancestor in it when the leader is gone."""
        return self._leader(record, record.head.pgid, lineage.group_of)

    def pid_namespace_start(self, record: decode.Record) -> int | None:
        """Start of the init of the process's pid namespace, CLOCK_BOOTTIME ns; None when it can't be told."""
        head = record.head
        found = next((each for each in [self.process(record), *self.ancestors(record)] if each.vpid == 1), None)
        if found is not None and (found.pid != 1 or head.vpid == head.pid):
            return found.start
        # Entered from outside (`runc exec`): its ancestors are in another namespace. Ask for the container's init.
        description = self.container(record).description
        init = description.init_pid if description is not None else None
        identity = self._proc.identity(init) if init else None
        return identity.start if identity is not None and identity.vpid == 1 else None

    # Containers and users

    def container(self, record: decode.Record) -> containers.Container:
        """The container the process is in, or `containers.HOST`."""
        if self._record is not record:
            self._turn_to(record)
        if self._container is None:
            in_namespace = bool(record.head.flags & layout.Flag.CONTAINER)
            self._container = self._containers.find(record.blob("cgroup"), record.blob("cgroup_v1"), in_namespace)
        return self._container

    def pod(self, record: decode.Record) -> pods.Pod | None:
        """The pod the process is in, as the API server tells of it; None outside pods, and while it has not."""
        container = self.container(record)
        return None if container.is_host else self.pods.get(container.pod_uid)

    def description(self, record: decode.Record) -> description.Description | None:
        """What the runtime's files say of the container; what they do not, its pod's status."""
        container = self.container(record)
        found = container.description
        pod = None if container.is_host else self.pods.get(container.pod_uid)
        known = pod.container(container.full_id) if pod is not None else None
        if known is None or (found is not None and (found.is_sandbox or found.image is not None)):
            return found
        if found is None:
            return known
        # runc's own files name a container by its id and know no image.
        return dataclasses.replace(
            found,
            name=known.name,
            image=known.image,
            image_id=known.image_id,
            repository=known.repository,
            tag=known.tag,
            digest=known.digest,
        )

    def user(self, record: decode.Record) -> users.User:
        """The effective user, by the passwd file of the process's own container or of the host."""
        return self._names(record).user(record.head.uid)

    def group(self, record: decode.Record) -> users.Group:
        """The effective group, by the same container's or the host's group file."""
        return self._names(record).group(record.head.gid)

    def user_name(self, record: decode.Record, uid: int) -> bytes:
        """Any user's name, by the same passwd file as the process's own."""
        return self._names(record).user(uid).name

    def group_name(self, record: decode.Record, gid: int) -> bytes:
        return self._names(record).group(gid).name

    def comm_of(self, record: decode.Record, pid: int) -> bytes | None:
        """What a process is called now, by its number as the record's process sees it; None when that can't be told."""
        head = record.head
        if pid == head.vpid:
            return record.comm
        for ancestor in record.ancestors:
            if pid == ancestor.vpid:
                return ancestor.comm
        if head.vpid != head.pid or pid <= 0:
            return None  # in a pid namespace of its own, where we do not know our way
        stat = self._proc.stat(pid)
        return stat.comm if stat is not None else None

    def login_user(self, record: decode.Record) -> users.User | None:
        """The user that logged in (audit's loginuid; logins happen on the host); None when not set."""
        uid = record.head.loginuid
        return self._users.host.user(uid) if uid != LOGINUID_UNSET else None

    # For `process.Process`

    def facts_of(self, asked: subject.Process) -> images.Facts | None:
        """What the process's image is made of, see `process.Process.facts`."""
        record = asked.record
        head = record.head
        if asked.level == 0 and head.kind == layout.Kind.EXEC and head.result == 0:
            return images.facts_of(record)
        above = record.ancestors[asked.level :] if asked.level >= 0 else ()
        file = head.image if asked.level == 0 else 0
        image = self._processes.image(asked.identity, head.time, above, file)
        return image.facts if image is not None else None

    def cwd_of(self, asked: subject.Process) -> bytes | None:
        """Working directory at exec for an exec record, else now if the process lives, else that of its last exec."""
        head = asked.record.head
        if asked.level != 0 or head.kind != layout.Kind.EXEC:
            path = self._proc.link(asked.pid, "cwd")
            stat = self._proc.stat(asked.pid) if path else None
            if stat is not None and stat.start == procfs.ticks(asked.start):
                return path.removesuffix(images.DELETED)
        facts = asked.facts
        return facts.cwd or None if facts is not None else None

    def _turn_to(self, record: decode.Record) -> None:
        head = record.head
        itself = decode.Ancestor(head.start, head.pid, head.vpid, record.comm)
        self._record, self._container, self._whole_line = record, None, False
        self._line = [subject.Process(self, record, 0, itself)]

    def _extend(self) -> None:
        if self._whole_line or self._record is None:
            return
        self._whole_line = True
        for level, identity in enumerate(self._lineage.ancestors(self._record), 1):
            self._line.append(subject.Process(self, self._record, level, identity))

    def _leader(self, record: decode.Record, pid: int, group: lineage.Grouping) -> subject.Process | None:
        itself = self.process(record)
        if itself.pid == pid:
            return itself
        ancestors = self.ancestors(record)
        for each in ancestors:
            if each.pid == pid:
                return each
        identity = self._lineage.leader(pid, group)
        if identity is not None:
            return subject.Process(self, record, -1, identity)
        eldest = self._lineage.eldest([each.identity for each in ancestors], pid, group)
        return ancestors[eldest] if eldest is not None else itself

    def _names(self, record: decode.Record) -> users.Names:
        container = self.container(record)
        if container.is_host or not record.head.flags & layout.Flag.CONTAINER:
            return self._users.host
        pids = [record.head.pid, *(ancestor.pid for ancestor in record.ancestors)]
        return self._users.of_container(container.full_id, record.head.mnt_ns, pids, lambda: container.description)

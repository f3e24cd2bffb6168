"""`proc.*` and `thread.*` of the process that did it.

Identity (ids, comm, tty, effective capabilities) is the record's own; what the last exec gave the
process (arguments, executable, environment) comes from its image in the process cache. For a
successful exec that image is the record itself; for a failed one these are the caller's facts.
"""

from __future__ import annotations

from collections.abc import Callable

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, names
from falcon_sensor.records import layout
from falcon_sensor.state import images, process


def joined(texts: tuple[bytes, ...] | None) -> bytes | None:
    return None if texts is None else b" ".join(texts)


def _of_image(read: Callable[[images.Facts], kinds.Value]) -> kinds.Extractor:
    def extract(e: event.Event) -> kinds.Value:
        facts = e.process.facts
        return None if facts is None else read(facts)

    return extract


def _flag(flag: layout.Flag) -> kinds.Extractor:
    return lambda e: e.process.has(flag)


def ctime_to_start(e: event.Event) -> int | None:
    """From the executable's last status change to the start of the process; unavailable when it came after."""
    changed = e.process.exe_ctime
    if changed is None:
        return None
    distance = e.session.state.clock.wall(e.head.start) - changed
    return distance if distance >= 0 else None


def namespace_start(e: event.Event) -> int | None:
    """Start of pid 1 of the process's pid namespace, ns since the epoch."""
    started = e.session.state.pid_namespace_start(e.record)
    return None if started is None else e.session.state.clock.wall(started)


def ctime_from_namespace_start(e: event.Event) -> int | None:
    changed, start = e.process.exe_ctime, namespace_start(e)
    if changed is None or start is None:
        return None
    distance = changed - start
    return distance if distance > 0 else None


def login_shell(e: event.Event) -> int | None:
    """The eldest whose name ends in `sh` among the process and its ancestors."""
    return next((each.pid for each in reversed((e.process, *e.ancestors)) if each.comm.endswith(b"sh")), None)


def _leader(find: str, read: Callable[[process.Process], kinds.Value]) -> kinds.Extractor:
    def extract(e: event.Event) -> kinds.Value:
        leader = getattr(e.session.state, find)(e.record)
        return None if leader is None else read(leader)

    return extract


_SESSION, _GROUP = "session_leader", "group_leader"

PLAIN: kinds.Plain = {
    "proc.name": lambda e: e.record.comm,
    "proc.exe": lambda e: e.process.exe,
    "proc.exepath": lambda e: e.process.exepath,
    "proc.cmdline": lambda e: e.process.cmdline,
    "proc.exeline": lambda e: e.process.exeline,
    "proc.cmdnargs": lambda e: None if (args := e.process.args) is None else len(args),
    "proc.cmdlenargs": lambda e: None if (args := e.process.args) is None else sum(map(len, args)),
    "proc.cwd": lambda e: e.process.cwd,
    "proc.loginshellid": login_shell,
    "proc.tty": lambda e: e.head.tty,
    "proc.pid": lambda e: e.head.pid,
    "proc.vpid": lambda e: e.head.vpid,
    # The reference's session id is the one inside the pid namespace, as proc.is_sid_leader shows.
    "proc.sid": lambda e: e.head.vsid,
    "proc.vpgid": lambda e: e.head.vpgid,
    "proc.pgid": lambda e: e.head.pgid,
    "proc.sname": _leader(_SESSION, lambda p: p.comm),
    "proc.sid.exe": _leader(_SESSION, lambda p: p.exe),
    "proc.sid.exepath": _leader(_SESSION, lambda p: p.exepath),
    "proc.vpgid.name": _leader(_GROUP, lambda p: p.comm),
    "proc.vpgid.exe": _leader(_GROUP, lambda p: p.exe),
    "proc.vpgid.exepath": _leader(_GROUP, lambda p: p.exepath),
    "proc.pgid.name": _leader(_GROUP, lambda p: p.comm),
    "proc.pgid.exe": _leader(_GROUP, lambda p: p.exe),
    "proc.pgid.exepath": _leader(_GROUP, lambda p: p.exepath),
    "proc.is_sid_leader": lambda e: e.head.vsid == e.head.vpid,
    "proc.is_vpgid_leader": lambda e: e.head.vpgid == e.head.vpid,
    "proc.is_pgid_leader": lambda e: e.head.pgid == e.head.pid,
    "proc.duration": lambda e: max(0, e.head.time - e.head.start),
    "proc.pid.ts": lambda e: e.session.state.clock.wall(e.head.start),
    "proc.is_exe_writable": _flag(layout.Flag.EXE_WRITABLE),
    "proc.is_exe_upper_layer": _flag(layout.Flag.EXE_UPPER_LAYER),
    "proc.is_exe_lower_layer": _flag(layout.Flag.EXE_LOWER_LAYER),
    "proc.is_exe_from_memfd": _flag(layout.Flag.EXE_MEMFD),
    "proc.exe_ino": lambda e: e.process.exe_ino,
    "proc.exe_ino.ctime": lambda e: e.process.exe_ctime,
    "proc.exe_ino.mtime": lambda e: e.process.exe_mtime,
    "proc.exe_ino.ctime_duration_proc_start": ctime_to_start,
    "proc.exe_ino.ctime_duration_pidns_start": ctime_from_namespace_start,
    "proc.pidns_init_start_ts": namespace_start,
    # Never filled by the reference any more either.
    "proc.is_container_healthcheck": kinds.never,
    "proc.is_container_liveness_probe": kinds.never,
    "proc.is_container_readiness_probe": kinds.never,
    "thread.tid": lambda e: e.head.tid,
    "thread.vtid": lambda e: e.head.vtid,
    "thread.ismain": lambda e: e.head.tid == e.head.pid,
    "thread.cap_effective": lambda e: names.capabilities(e.head.cap_effective),
    "thread.cap_permitted": _of_image(lambda facts: names.capabilities(facts.body.cap_permitted)),
    "thread.cap_inheritable": _of_image(lambda facts: names.capabilities(facts.body.cap_inheritable)),
    "thread.cgroups": lambda e: cgroups(e),
}


def cgroups(e: event.Event) -> bytes:
    """`=PATH` for the unified hierarchy, `v1=PATH` for the first version-1 hierarchy where there is one."""
    unified, v1 = e.record.blob("cgroup"), e.record.blob("cgroup_v1")
    return b" ".join(part for part in (b"v1=" + v1 if v1 else b"", b"=" + unified) if part)


def args(argument: str | None) -> kinds.Extractor:
    if argument is None:
        return lambda e: joined(e.process.args)
    index = int(argument)

    def extract(e: event.Event) -> bytes | None:
        found = e.process.args
        if found is None:
            return None
        return found[index] if index < len(found) else b""

    return extract


def env(argument: str | None) -> kinds.Extractor:
    if argument is None:
        return lambda e: joined(e.process.env)
    name = argument.encode()
    return lambda e: e.process.variable(name)


def _cgroup(_: str | None) -> kinds.Extractor:
    """Whatever the subsystem: container runtimes put a task at the same place in each."""
    return lambda e: e.record.blob("cgroup_v1") or e.record.blob("cgroup")


WITH_ARGUMENT: kinds.WithArgument = {"proc.args": args, "proc.env": env, "thread.cgroup": _cgroup}

_MEMORY = "records do not carry the memory use of processes"
_DESCRIPTORS = "records do not carry the table of open descriptors"
_SAMPLES = "only periodic samples have it, and this sensor takes none"
_TABLES = "it is for tables of many events, not for rules"
MISSING: kinds.Missing = {
    **dict.fromkeys(("proc.fdopencount", "proc.fdlimit", "proc.fdusage"), _DESCRIPTORS),
    **{f"proc.std{stream}.{what}": _DESCRIPTORS for stream in ("in", "out", "err") for what in ("type", "name")},
    **dict.fromkeys(("proc.vmsize", "proc.vmrss", "proc.vmswap", "thread.vmsize", "thread.vmrss"), _MEMORY),
    **dict.fromkeys(("proc.nthreads", "proc.nchilds"), "records do not carry the number of threads"),
    **dict.fromkeys(("thread.pfmajor", "thread.pfminor"), "records do not carry page faults"),
    **dict.fromkeys(("thread.cpu", "thread.cpu.user", "thread.cpu.system"), _SAMPLES),
    **dict.fromkeys(("thread.exectime", "thread.totexectime"), _SAMPLES),
    **dict.fromkeys(("thread.nametid", "thread.vmsize.b", "thread.vmrss.b"), _TABLES),
}

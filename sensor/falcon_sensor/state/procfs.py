"""Processes that we have no exec record of, read from /proc.

What is found is written as an exec record, as the kernel side would have sent it had it been
there: so there is one kind of image and one way to read it. Its time is the process's start, since
/proc does not tell when the last exec was.

A pid alone names nobody: each read is checked against the start time. /proc gives that in clock
ticks (10 ms), so identity here is (pid, start in ticks).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from falcon_sensor.records import decode, layout

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""Length of one tick of /proc/PID/stat's start time."""

FILE_CAP = 64 << 10
"""Most bytes read of any file here. status, the longest besides cmdline and environ, has about 1.5 KiB."""

MOUNTS_CAP = 1 << 20
"""Some thousand mounts. What lies beyond is not seen, and then not trusted either: see `may_follow_symlinks`."""

NO_LOGIN = 0xFFFFFFFF


class Stat(NamedTuple):
    """The members of /proc/PID/stat that say who a process is. start: in ticks since boot."""

    pid: int
    comm: bytes
    state: bytes
    ppid: int
    pgid: int
    sid: int
    tty: int
    start: int


def ticks(start: int) -> int:
    """A start_boottime in ns as /proc shows it."""
    return start // TICK_NS


def parse_stat(text: bytes) -> Stat | None:
    """None for what is not a stat line. comm may hold anything, `) R 1` included: the last parenthesis ends it."""
    head, found, tail = text.rpartition(b")")
    pid, opened, comm = head.partition(b" (")
    fields = tail.split()
    if not found or not opened or len(fields) < 20:
        return None
    try:
        ppid, pgid, sid, tty = (int(field) for field in fields[1:5])
        return Stat(int(pid), comm, fields[0], ppid, pgid, sid, tty & 0xFFFFFFFF, int(fields[19]))
    except ValueError:
        return None


class Procfs:
    """root: a procfs of the initial pid namespace."""

    def __init__(self, root: str = "/proc") -> None:
        self.root = root

    def pids(self) -> Iterator[int]:
        """Processes alive now."""
        try:
            names = os.listdir(self.root)
        except OSError:
            return
        for name in names:
            if name.isdecimal():
                yield int(name)

    def stat(self, pid: int) -> Stat | None:
        return parse_stat(self._read(pid, "stat"))

    def vpid(self, pid: int) -> int:
        """The process's id in its own pid namespace; `pid` itself when it can't be told."""
        return _last_number(_status(self._read(pid, "status")), b"NSpid", pid)

    def link(self, pid: int, name: str) -> bytes:
        """Target of a symbolic link of /proc/PID; empty when it can't be read."""
        try:
            return os.readlink(os.fsencode(f"{self.root}/{pid}/{name}"))
        except OSError:
            return b""

    def namespace(self, pid: int, kind: str) -> int:
        """Inode number of one of the process's namespaces (`mnt`, `pid`), 0 when it can't be read."""
        digits = self.link(pid, f"ns/{kind}").rpartition(b"[")[2].removesuffix(b"]")
        return int(digits) if digits.isdigit() else 0

    def may_follow_symlinks(self, pid: int) -> bool | None:
        """Whether looking for /etc/passwd in the process's root may follow links; None: do not look at all.

        A lookup in a FUSE file system waits for its server, which may be a process of the
        container. mountinfo tells where there is one without touching it.
        """
        mounts = self._read(pid, "mountinfo", MOUNTS_CAP)
        if len(mounts) >= MOUNTS_CAP:
            return None
        followed = True
        for line in mounts.splitlines():
            before, separator, after = line.partition(b" - ")
            fields = before.split(b" ")
            if separator and after.startswith(b"fuse") and len(fields) > 4:
                if fields[4] == b"/" or fields[4].startswith(b"/etc"):
                    return None
                followed = followed and fields[4].startswith((b"/proc/", b"/sys/"))
        return followed

    def identity(self, pid: int) -> decode.Ancestor | None:
        """The process as an ancestor entry; its start is exact to a tick."""
        stat = self.stat(pid)
        if stat is None:
            return None
        return decode.Ancestor(stat.start * TICK_NS, pid, self.vpid(pid), stat.comm)

    def record(self, pid: int, start: int | None = None) -> bytes | None:
        """An exec record for the process.

        None when there is no such process, it started at another time than `start` (ns), or it
        has neither executable nor arguments (kernel threads, zombies).
        """
        stat = self.stat(pid)
        if stat is None or (start is not None and stat.start != ticks(start)):
            return None
        exe = self.link(pid, "exe")
        args = self._read(pid, "cmdline", layout.ARGS_CAP)
        if not exe and not args:
            return None
        status = _status(self._read(pid, "status"))
        cgroup, cgroup_v1 = _cgroups(self._read(pid, "cgroup"))
        blobs = {
            "cgroup": cgroup,
            "cgroup_v1": cgroup_v1,
            "filename": exe,
            "exe": exe,
            "cwd": self.link(pid, "cwd"),
            "args": args,
            "env": self._read(pid, "environ", layout.ENV_CAP),
        }
        head = self._head(stat, status, start, exe)
        body = self._body(pid, status)
        # Looked at again, so that what was read in between is about one process and one image.
        again = self.stat(pid)
        if again is None or again.start != stat.start or self.link(pid, "exe") != exe:
            return None
        return decode.encode(layout.Kind.EXEC, head, self._ancestors(stat), body, blobs)

    def _head(self, stat: Stat, status: dict[bytes, list[bytes]], start: int | None, exe: bytes) -> decode.Head:
        own = start if start is not None else stat.start * TICK_NS
        login = self._read(stat.pid, "loginuid").strip()
        vpid = _last_number(status, b"NSpid", stat.pid)
        return decode.Head(
            kind=layout.Kind.EXEC,
            event=layout.EVENTS.index("execve"),
            flags=layout.Flag.EXE_MEMFD if exe.startswith(b"/memfd:") else layout.Flag(0),
            time=own,
            result=0,
            start=own,
            cap_effective=_hexadecimal(status, b"CapEff"),
            mnt_ns=self.namespace(stat.pid, "mnt"),
            pid=stat.pid,
            tid=stat.pid,
            vpid=vpid,
            vtid=vpid,
            pgid=stat.pgid,
            vpgid=_last_number(status, b"NSpgid", stat.pgid),
            sid=stat.sid,
            vsid=_last_number(status, b"NSsid", stat.sid),
            uid=_number(status, b"Uid", 1),
            gid=_number(status, b"Gid", 1),
            loginuid=int(login) & 0xFFFFFFFF if login.isdigit() else NO_LOGIN,
            tty=stat.tty,
            ancestors=0,
            reserved=0,
            comm=stat.comm,
            net_ns=self.namespace(stat.pid, "net"),
        )

    def _body(self, pid: int, status: dict[bytes, list[bytes]]) -> decode.ExecBody:
        inode = ctime = mtime = device = 0
        with contextlib.suppress(OSError):
            file = os.stat(f"{self.root}/{pid}/exe")
            inode, ctime, mtime, device = file.st_ino, file.st_ctime_ns, file.st_mtime_ns, file.st_dev
        return decode.ExecBody(
            cap_inheritable=_hexadecimal(status, b"CapInh"),
            cap_permitted=_hexadecimal(status, b"CapPrm"),
            exe_ino=inode,
            exe_ctime=max(ctime, 0),
            exe_mtime=max(mtime, 0),
            exe_dev=device & 0xFFFFFFFF,
            pidns_level=max(len(status.get(b"NSpid", ())) - 1, 0),
        )

    def _ancestors(self, stat: Stat) -> tuple[decode.Ancestor, ...]:
        found: list[decode.Ancestor] = []
        parent = stat.ppid
        while parent and len(found) < layout.ANCESTORS:
            above = self.stat(parent)
            if above is None:
                break
            found.append(decode.Ancestor(above.start * TICK_NS, parent, self.vpid(parent), above.comm))
            parent = above.ppid
        return tuple(found)

    def _read(self, pid: int, name: str, cap: int = FILE_CAP) -> bytes:
        """The file's first `cap` bytes; empty when it can't be read (the process is gone)."""
        try:
            with open(f"{self.root}/{pid}/{name}", "rb", buffering=0) as file:
                parts: list[bytes] = []
                while cap > 0 and (part := file.read(cap)):
                    parts.append(part)
                    cap -= len(part)
                return b"".join(parts)
        except OSError:
            return b""


def _status(text: bytes) -> dict[bytes, list[bytes]]:
    """/proc/PID/status: what stands after each colon, split at blanks."""
    split = (line.partition(b":") for line in text.splitlines())
    return {key: rest.split() for key, _, rest in split}


def _number(status: dict[bytes, list[bytes]], key: bytes, at: int) -> int:
    values = status.get(key, [])
    return int(values[at]) & 0xFFFFFFFF if len(values) > at and values[at].isdigit() else 0


def _last_number(status: dict[bytes, list[bytes]], key: bytes, otherwise: int) -> int:
    values = status.get(key)
    return int(values[-1]) if values and values[-1].isdigit() else otherwise


def _hexadecimal(status: dict[bytes, list[bytes]], key: bytes) -> int:
    try:
        return int(status[key][0], 16)
    except (KeyError, IndexError, ValueError):
        return 0


def _cgroups(text: bytes) -> tuple[bytes, bytes]:
    """(path in the unified hierarchy, path in the first version-1 hierarchy where it is not the root)."""
    unified = first = b""
    for line in text.splitlines():
        number, _, rest = line.partition(b":")
        controllers, _, path = rest.partition(b":")
        if number == b"0" and not controllers:
            unified = path
        elif not first and path != b"/":
            first = path
    return unified[-layout.CGROUP_CAP :], first[-layout.CGROUP_CAP :]

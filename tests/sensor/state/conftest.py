"""Records and /proc trees to order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.sensor.support import heads

from falcon_sensor.records import decode, layout

SECOND = 1_000_000_000
MNT_NS_OF_CONTAINER = 4026532177


class Records:
    """Builds records; times in seconds since boot, ancestors as (pid, start, comm[, vpid])."""

    def __init__(self) -> None:
        self.head = heads.head("execve", pid=0, mnt_ns=4026531832, comm=b"")

    def _head(self, kind, event, pid, start, time, comm, head):
        own = {"vpid": pid, "tid": pid, "vtid": pid, "pgid": pid, "vpgid": pid, "sid": pid, "vsid": pid, **head}
        return self.head._replace(
            kind=kind,
            event=layout.EVENTS.index(event),
            pid=pid,
            start=round(start * SECOND),
            time=round(time * SECOND),
            comm=comm,
            **own,
        )

    @staticmethod
    def _line(ancestors):
        line = []
        for pid, start, comm, *vpid in ancestors:
            line.append(decode.Ancestor(round(start * SECOND), pid, vpid[0] if vpid else pid, comm))
        return tuple(line)

    def exec(self, pid, start, time, exe, args=(), ancestors=(), blobs=None, body=None, **head):
        """A process's successful exec of `exe`."""
        comm = head.pop("comm", os.path.basename(exe)[:15])
        contents = {
            "filename": exe,
            "exe": exe,
            "args": b"".join(arg + b"\0" for arg in (os.path.basename(exe), *args)),
            "cwd": b"/",
            **(blobs or {}),
        }
        whole = self._head(layout.Kind.EXEC, "execve", pid, start, time, comm, head)
        inner = body or decode.ExecBody(0, 0, 0, 0, 0, 0, 0)
        return decode.Record(decode.encode(layout.Kind.EXEC, whole, self._line(ancestors), inner, contents))

    def open(self, pid, start, time, comm, ancestors=(), cgroup=b"/", cgroup_v1=b"", **head):
        """An open by a process."""
        whole = self._head(layout.Kind.OPEN, "openat", pid, start, time, comm, head)
        contents = {"name": b"/etc/shadow", "path": b"/etc/shadow", "cgroup": cgroup, "cgroup_v1": cgroup_v1}
        body = decode.OpenBody(1, 1, 0, 0, -100)
        return decode.Record(decode.encode(layout.Kind.OPEN, whole, self._line(ancestors), body, contents))


class ProcTree:
    """A /proc of files, as far as `procfs` reads it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def add(self, pid, start, comm, *, ppid=0, exe=b"/bin/x", args=(b"x",), **more):
        """start: seconds since boot. more: sid, pgid, vpid, uid, cwd, env, cgroup, mnt_ns, root_dir, mountinfo."""
        folder = self.root / str(pid)
        (folder / "ns").mkdir(parents=True)
        numbers = [str(ppid), str(more.get("pgid", pid)), str(more.get("sid", pid)), str(more.get("tty", 0))]
        stat = f"{pid} ({comm.decode()}) S {' '.join(numbers)} -1 " + "0 " * 13 + f"{round(start * 100)} 0 0\n"
        (folder / "stat").write_text(stat)
        uid = more.get("uid", 0)
        status = f"Name:\t{comm.decode()}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t7\t7\t7\t7\n"
        status += f"NSpid:\t{pid}\t{more.get('vpid', pid)}\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\n"
        (folder / "status").write_text(status + "CapEff:\t00000000a80425fb\n")
        (folder / "cmdline").write_bytes(b"".join(arg + b"\0" for arg in args))
        (folder / "environ").write_bytes(b"".join(entry + b"\0" for entry in more.get("env", ())))
        (folder / "cgroup").write_bytes(more.get("cgroup", b"0::/\n"))
        (folder / "loginuid").write_text(str(more.get("loginuid", 0xFFFFFFFF)))
        (folder / "mountinfo").write_bytes(more.get("mountinfo", b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"))
        if exe:
            os.symlink(exe, os.fsencode(folder / "exe"))
        os.symlink(more.get("cwd", b"/srv"), os.fsencode(folder / "cwd"))
        os.symlink(more.get("root_dir", "/nonexistent"), folder / "root")
        os.symlink(f"mnt:[{more.get('mnt_ns', 4026531832)}]", folder / "ns" / "mnt")

    def remove(self, pid):
        folder = self.root / str(pid)
        for entry in [*folder.glob("ns/*"), *(each for each in folder.iterdir() if each.name != "ns")]:
            entry.unlink()
        (folder / "ns").rmdir()
        folder.rmdir()


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def proc_tree(tmp_path) -> ProcTree:
    return ProcTree(tmp_path / "proc")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """An empty root directory of a host."""
    root = tmp_path / "host"
    root.mkdir()
    return root

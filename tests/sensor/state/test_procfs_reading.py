"""What /proc says of a process, as an exec record."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_sensor.records import decode, layout
from falcon_sensor.state import procfs


def read(proc, pid, start=None) -> decode.Record:
    raw = proc.record(pid, start)
    assert raw is not None
    return decode.Record(raw)


def body_of(record) -> decode.ExecBody:
    assert isinstance(record.body, decode.ExecBody)
    return record.body


def test_everything_a_record_carries(proc_tree):
    proc_tree.add(1, 0.5, b"systemd")
    proc_tree.add(30, 3.0, b"nginx: master", ppid=1, vpid=1)
    proc_tree.add(
        50,
        20.5,
        b"a) R (b",
        ppid=30,
        pgid=30,
        sid=29,
        vpid=7,
        tty=0x8803,
        uid=1000,
        loginuid=1001,
        exe=b"/usr/bin/x",
        args=(b"x", b"", b"y z"),
        env=(b"A=1",),
        cwd=b"/w",
        cgroup=b"9:name=systemd:/\n8:pids:/box\n4:memory:/outer/box\n0::/box\n",
        mnt_ns=4026532177,
    )
    record = read(procfs.Procfs(str(proc_tree.root)), 50)
    head = record.head
    assert (record.kind, record.event, head.time, head.start) == (
        layout.Kind.EXEC,
        "execve",
        20_500_000_000,
        20_500_000_000,
    )
    assert (head.pid, head.vpid, head.pgid, head.sid, head.tty) == (50, 7, 30, 29, 0x8803)
    assert (head.uid, head.gid, head.loginuid, head.mnt_ns) == (1000, 7, 1001, 4026532177)
    assert (head.cap_effective, body_of(record).cap_permitted, body_of(record).pidns_level) == (
        0xA80425FB,
        0xA80425FB,
        1,
    )
    assert record.comm == b"a) R (b"
    assert record.strings("args") == [b"x", b"", b"y z"]
    assert record.strings("env") == [b"A=1"]
    assert (record.blob("exe"), record.blob("cwd")) == (b"/usr/bin/x", b"/w")
    assert (record.blob("cgroup"), record.blob("cgroup_v1")) == (b"/box", b"/box")
    assert [(each.pid, each.vpid, each.comm) for each in record.ancestors] == [
        (30, 1, b"nginx: master"),
        (1, 1, b"systemd"),
    ]


def test_the_start_must_agree(proc_tree):
    proc_tree.add(50, 20.5, b"x")
    proc = procfs.Procfs(str(proc_tree.root))
    exact = 20_507_654_321
    assert read(proc, 50, exact).head.start == exact
    assert proc.record(50, 20_510_000_000) is None
    assert proc.record(51) is None


def test_kernel_threads_have_no_image(proc_tree):
    proc_tree.add(2, 0.5, b"kthreadd", exe=b"", args=())
    assert procfs.Procfs(str(proc_tree.root)).record(2) is None


def test_an_unreadable_executable_leaves_the_arguments(proc_tree):
    proc_tree.add(1, 0.5, b"init", exe=b"", args=(b"/sbin/init", b"splash"))
    record = read(procfs.Procfs(str(proc_tree.root)), 1)
    assert (record.blob("exe"), record.strings("args")) == (b"", [b"/sbin/init", b"splash"])


def test_no_proc_at_all(tmp_path):
    proc = procfs.Procfs(str(tmp_path / "none"))
    assert (list(proc.pids()), proc.stat(1), proc.identity(1), proc.record(1)) == ([], None, None, None)
    assert (proc.link(1, "exe"), proc.namespace(1, "mnt"), proc.vpid(1)) == (b"", 0, 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_for_a_stat_line(text):
    procfs.parse_stat(text)


@given(st.binary(max_size=15).filter(lambda comm: b"\0" not in comm))
def test_any_name_is_told_from_the_fields_behind_it(comm):
    line = b"50 (" + comm + b") S 30 29 28 34816 -1 4194560 " + b"0 " * 12 + b"2050 1 1\n"
    assert procfs.parse_stat(line) == procfs.Stat(50, comm, b"S", 30, 29, 28, 34816, 2050)


def test_a_real_process(tmp_path):
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    script = "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    environment = {"FALCON_TEST": "yes"}
    child = subprocess.Popen(
        [sys.executable, "-c", script, "an argument"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        child.stdout.read(1)
        record = read(procfs.Procfs(), child.pid)
    finally:
        child.communicate()
    head, body = record.head, body_of(record)
    executable = os.stat(sys.executable)
    assert before - procfs.TICK_NS <= head.start <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert record.strings("args")[1:] == [b"-c", script.encode(), b"an argument"]
    assert b"FALCON_TEST=yes" in record.strings("env")
    assert record.blob("cwd") == os.fsencode(tmp_path)
    assert record.blob("exe") == os.fsencode(os.path.realpath(sys.executable))
    assert (body.exe_ino, body.exe_mtime) == (executable.st_ino, executable.st_mtime_ns)
    assert (head.uid, head.gid, head.sid, head.pgid) == (os.geteuid(), os.getegid(), os.getsid(0), os.getpgid(0))
    assert record.ancestors[0].pid == os.getpid()
    assert procfs.Procfs().record(child.pid) is None


def test_a_zombie_has_no_image():
    child = subprocess.Popen(["/bin/true"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert procfs.Procfs().record(child.pid) is None
        stat = procfs.Procfs().stat(child.pid)
        assert stat is not None
        assert stat.state == b"Z"
    finally:
        child.wait()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs memfd_create")
def test_an_executable_in_memory_is_flagged():
    descriptor = os.memfd_create("sealed", 0)
    with open("/bin/cat", "rb") as source, os.fdopen(descriptor, "wb", closefd=False) as copy:
        copy.write(source.read())
    # The descriptor must be closed for writing, or exec says that the text file is busy.
    reader = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    os.close(descriptor)
    child = subprocess.Popen(["cat"], executable=f"/proc/self/fd/{reader}", pass_fds=[reader], stdin=subprocess.PIPE)
    try:
        record = read(procfs.Procfs(), child.pid)
        assert layout.Flag(record.head.flags) & layout.Flag.EXE_MEMFD
        assert record.blob("exe").startswith(b"/memfd:sealed")
    finally:
        child.communicate()
        os.close(reader)

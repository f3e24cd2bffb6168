"""What an exec record says about the new program, and whose child it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel


def test_arguments_environment_and_names(act, tmp_path: Path):
    record = act("exec", 1, "/bin/true", cwd=tmp_path).one("execve")
    assert record.strings("args") == [b"acted", b"one", b"two words"]
    assert record.strings("env") == [b"COLOUR=blue"]
    assert record.blob("filename") == b"/bin/true"
    assert record.blob("exe") == bytes(Path("/bin/true").resolve())
    assert record.blob("cwd") == bytes(tmp_path)
    body = record.body
    assert isinstance(body, decode.ExecBody)
    status = os.stat("/bin/true")
    assert (body.exe_ino, body.exe_dev) == (status.st_ino, status.st_dev)
    assert (body.exe_ctime, body.exe_mtime) == (status.st_ctime_ns, status.st_mtime_ns)
    assert body.pidns_level == 0


def test_identities(act):
    record = act("exec", 1, "/bin/true").one("execve")
    head = record.head
    assert (head.uid, head.gid) == (os.geteuid(), os.getegid())
    assert (head.pgid, head.sid) == (os.getpgid(0), os.getsid(0))
    assert (head.tid, head.vpid, head.vtid) == (head.pid,) * 3
    assert (head.vpgid, head.vsid) == (head.pgid, head.sid)
    assert head.start < head.time
    assert head.mnt_ns == os.stat("/proc/self/ns/mnt").st_ino
    assert head.net_ns == os.stat("/proc/self/ns/net").st_ino
    with open("/proc/self/cgroup") as file:
        paths = [line.rstrip("\n").split(":", 2) for line in file]
    unified = next((path for number, _, path in paths if number == "0"), None)
    assert record.blob("cgroup").decode() == unified
    others = {path for number, controllers, path in paths if number != "0" and not controllers.startswith("name=")}
    assert record.blob("cgroup_v1").decode() in {path for path in others if path != "/"} | {""}


def test_script_runs_its_interpreter(act, tmp_path: Path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    record = act("exec", 1, script).one("execve")
    assert record.blob("filename") == bytes(script)
    assert record.blob("exe") == bytes(Path("/bin/sh").resolve())
    assert record.strings("args") == [b"/bin/sh", bytes(script), b"one", b"two words"]


def test_program_in_memory(act, actor: Path):
    record = act("exec_memfd", 1, actor).one("execve")
    assert record.head.flags & layout.Flag.EXE_MEMFD
    assert record.blob("exe") == b"memfd:hidden"
    assert record.blob("filename").startswith(b"/proc/self/fd/")


def test_program_by_descriptor(act, actor: Path):
    record = act("fexecve", 1, actor).one("execveat")
    assert record.blob("exe") == bytes(actor)
    assert not record.head.flags & layout.Flag.EXE_MEMFD
    assert record.blob("filename").startswith(b"/dev/fd/")


def test_long_arguments_are_cut_and_say_so(attached):
    import subprocess

    for _ in attached.ring.records():
        pass
    process = subprocess.Popen(["/bin/true", *["x" * 1000] * 20])
    process.wait()
    records = map(decode.Record, attached.ring.records())
    (record,) = [record for record in records if record.head.pid == process.pid]
    assert record.head.flags & layout.Flag.TRUNCATED
    assert len(record.blob("args")) == layout.ARGS_CAP
    assert record.blob("args").startswith(b"/bin/true\0xxx")


def test_failed_exec_does_not_show(act, tmp_path: Path):
    acted = act("exec_failing", 3, tmp_path / "absent")
    assert acted.results == [-2] * 3
    assert acted.of("execve", "execveat") == []


def test_double_fork_keeps_its_ancestors(act):
    acted = act("double_fork", 1, "/bin/true")
    record = acted.one("execve")
    parent, grandparent, test = record.ancestors[:3]
    assert parent.comm == b"between"
    assert (grandparent.pid, grandparent.comm) == (acted.pid, b"falcon-actor")
    assert test.pid == os.getpid()
    assert parent.start >= grandparent.start >= test.start


def test_image_names_one_exec(act, tmp_path: Path):
    """What a program does and what its forks do have its image; the next exec has another."""
    started, *opened = act("open", 3, tmp_path).records
    assert {record.head.image for record in opened} == {started.head.image}
    execs = act("exec", 2, "/bin/true").records
    assert 0 not in {record.head.image for record in execs}
    assert execs[1].head.image != execs[0].head.image


def test_orphan_belongs_to_its_new_parent(act):
    acted = act("orphan", 1, "/bin/true", "SELF")
    record = acted.one("execve")
    assert record.ancestors[0].pid == acted.pid
    assert record.ancestors[1].pid == os.getpid()

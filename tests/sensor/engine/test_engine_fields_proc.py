"""Fields of processes, their ancestors and users, read from hand-made records."""

from __future__ import annotations

import pytest

from falcon_sensor.records import layout

SECOND = 1_000_000_000


def test_an_exec_tells_what_was_started(build, read):
    record = build.exec(
        b"/bin/cat", b"-n", b"/etc/my file", exe=b"/usr/bin/cat", cwd=b"/root", env=b"A=1\0B=2\0", filename=b"/bin/cat"
    )
    assert read(record, "proc.name", "proc.exe", "proc.exepath") == (b"cat", b"/bin/cat", b"/usr/bin/cat")
    assert read(record, "proc.cmdline") == b"cat -n /etc/my file"
    assert read(record, "proc.exeline") == b"/bin/cat -n /etc/my file"
    assert read(record, "proc.args", "proc.args[0]", "proc.args[7]") == (b"-n /etc/my file", b"-n", b"")
    assert read(record, "proc.cmdnargs", "proc.cmdlenargs") == (2, 14)
    assert read(record, "proc.env", "proc.env[B]", "proc.env[C]") == (b"A=1 B=2", b"2", b"")
    assert read(record, "proc.cwd") == b"/root/"


def test_a_later_event_of_the_process_knows_its_command_line(build, read):
    read(build.exec(b"cat", b"/etc/shadow", exe=b"/usr/bin/cat"), "proc.name")
    opened = build.open(b"/etc/shadow", b"/etc/shadow", time=101 * SECOND)
    assert read(opened, "proc.cmdline", "proc.exepath") == (b"cat /etc/shadow", b"/usr/bin/cat")


def test_what_an_unknown_process_runs_is_unavailable(build, read):
    record = build.open(b"/x", b"/x")
    assert read(record, "proc.exe", "proc.exepath", "proc.args", "proc.env", "proc.env[A]") == (None,) * 5
    assert read(record, "proc.name", "proc.is_exe_upper_layer", "proc.exe_ino") == (b"cat", None, None)


def test_a_failed_exec_has_the_callers_facts_and_the_arguments_asked_for(build, read):
    read(build.exec(b"sh", exe=b"/bin/sh", comm=b"sh"), "proc.name")
    failed = build.exec(b"nosuch", b"-x", result=-2, comm=b"sh", time=101 * SECOND)
    assert read(failed, "proc.name", "proc.exepath", "proc.cmdline") == (b"sh", b"/bin/sh", b"sh")
    assert read(failed, "evt.arg.exe", "evt.arg.args", "evt.arg.res") == (b"nosuch", b"-x", b"ENOENT")


def test_ids_and_terminal_come_from_the_record(build, read):
    record = build.open(b"/x", b"/x", tid=4243, vpid=7, vtid=8, vpgid=7, vsid=7, pgid=4242, tty=34816, gid=0)
    assert read(record, "proc.pid", "proc.vpid", "thread.tid", "thread.vtid") == (4242, 7, 4243, 8)
    assert read(record, "proc.sid", "proc.vpgid", "proc.pgid", "proc.tty") == (7, 7, 4242, 34816)
    leaders = ("proc.is_sid_leader", "proc.is_vpgid_leader", "proc.is_pgid_leader", "thread.ismain")
    assert read(record, *leaders) == (True, True, True, False)


def test_ages_count_from_the_start_of_the_process(build, read, session):
    record = build.open(b"/x", b"/x")
    assert read(record, "proc.duration", "proc.ppid.duration") == (10 * SECOND, 20 * SECOND)
    epoch = session.state.clock.wall(0)
    assert read(record, "proc.pid.ts") == pytest.approx(epoch + 90 * SECOND, abs=SECOND)


def test_executable_flags_and_times(build, read, session):
    flags = layout.Flag.EXE_UPPER_LAYER | layout.Flag.EXE_MEMFD
    changed = session.state.clock.wall(89 * SECOND)
    record = build.exec(b"x", flags=flags, exe_ino=12, exe_ctime=changed, exe_mtime=5)
    wanted = ("proc.is_exe_upper_layer", "proc.is_exe_lower_layer", "proc.is_exe_from_memfd", "proc.is_exe_writable")
    assert read(record, *wanted) == (True, False, True, False)
    assert read(record, "proc.exe_ino", "proc.exe_ino.ctime", "proc.exe_ino.mtime") == (12, changed, 5)
    assert read(record, "proc.exe_ino.ctime_duration_proc_start") == pytest.approx(SECOND, abs=SECOND / 10)
    assert read(record, "evt.arg.flags") == b"EXE_UPPER_LAYER|EXE_FROM_MEMFD"


def test_an_executable_changed_after_the_process_began_has_no_such_distance(build, read, session):
    record = build.exec(b"x", exe_ctime=session.state.clock.wall(95 * SECOND))
    assert read(record, "proc.exe_ino.ctime_duration_proc_start") is None


def test_capabilities_are_names_in_bit_order(build, read):
    record = build.exec(b"x", cap_effective=1 << 21 | 1, cap_permitted=1 << 39, cap_inheritable=0)
    assert read(record, "thread.cap_effective") == b"CAP_CHOWN CAP_SYS_ADMIN"
    assert read(record, "thread.cap_permitted", "thread.cap_inheritable") == (b"CAP_BPF", b"")


def test_parent_and_indexed_ancestors(build, read):
    record = build.open(b"/x", b"/x")
    assert read(record, "proc.pname", "proc.ppid", "proc.pvpid", "proc.pcmdline") == (b"bash", 4000, 4000, b"bash")
    names = [read(record, f"proc.aname[{level}]") for level in range(5)]
    assert names == [b"cat", b"bash", b"sshd", b"systemd", None]
    assert read(record, "proc.apid[2]", "proc.aexe[1]") == (3000, None)


def test_without_index_every_ancestor_is_a_candidate_but_not_the_process_itself(build, read):
    record = build.open(b"/x", b"/x")
    assert read(record, "proc.aname", "proc.apid") == ((b"bash", b"sshd", b"systemd"), (4000, 3000, 1))
    assert read(build.open(b"/x", b"/x", ancestors=()), "proc.aname", "proc.pname") == (None, None)


def test_ancestors_arguments_and_environment(build, read):
    shell = {"pid": 4000, "tid": 4000, "vpid": 4000, "start": 80 * SECOND, "time": 81 * SECOND, "comm": b"bash"}
    read(build.exec(b"bash", b"-l", env=b"TOKEN=s3\0", ancestors=(), **shell), "proc.name")
    record = build.open(b"/x", b"/x")
    assert read(record, "proc.acmdline[1]", "proc.aargs[1]", "proc.aargs") == (b"bash -l", b"-l", b"-l")
    assert read(record, "proc.aenv[TOKEN]", "proc.aenv[NONE]", "proc.aenv[1]") == (b"s3", b"", b"TOKEN=s3")


def test_login_shell_is_the_eldest_shell(build, read):
    assert read(build.open(b"/x", b"/x", comm=b"dash"), "proc.loginshellid") == 4000
    assert read(build.open(b"/x", b"/x", ancestors=()), "proc.loginshellid") is None


def test_session_leader_found_among_ancestors(build, read):
    assert read(build.open(b"/x", b"/x", sid=4000), "proc.sname") == b"bash"


def test_users_by_number_and_by_what_passwd_says(build, read, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\napp:x:1000:1000::/srv/app:/bin/false\n")
    (tmp_path / "etc/group").write_text("app:x:1000:\n")
    record = build.open(b"/x", b"/x", uid=1000, gid=1000, loginuid=0)
    assert read(record, "user.uid", "user.name", "user.homedir", "user.shell") == (
        1000,
        b"app",
        b"/srv/app",
        b"/bin/false",
    )
    assert read(record, "group.gid", "group.name", "user.loginuid", "user.loginname") == (1000, b"app", 0, b"root")


def test_unknown_users_are_a_text_and_no_login_is_minus_one(build, read):
    record = build.open(b"/x", b"/x", uid=4711, gid=4711)
    assert read(record, "user.name", "group.name", "user.loginname") == (b"<NA>",) * 3
    assert read(record, "user.loginuid") == -1

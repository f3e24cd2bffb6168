"""Which image a process runs, when clone and exit are never told."""

from __future__ import annotations

from falcon_sensor.records import layout
from falcon_sensor.state import view

INIT = (1, 0.5, b"systemd")


def state_of(proc_tree, **more):
    return view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root), **more)


def test_an_exec_record_describes_itself(records, proc_tree):
    state = state_of(proc_tree)
    body_flags = layout.Flag.EXE_MEMFD | layout.Flag.EXE_UPPER_LAYER
    record = records.exec(
        50, 20.0, 21.0, b"/usr/bin/curl", (b"-s", b"http://x y"), flags=body_flags, blobs={"env": b"A=1\0PATH=/bin\0"}
    )
    state.observe(record)
    process = state.process(record)
    assert process.exe == b"curl"
    assert process.exepath == b"/usr/bin/curl"
    assert process.args == (b"-s", b"http://x y")
    assert process.cmdline == b"curl -s http://x y"
    assert process.exeline == b"curl -s http://x y"
    assert process.env == (b"A=1", b"PATH=/bin")
    assert process.variable(b"PATH") == b"/bin"
    assert process.variable(b"PAT") == b""
    assert process.cwd == b"/"
    assert process.has(layout.Flag.EXE_MEMFD)
    assert process.has(layout.Flag.EXE_WRITABLE) is False
    assert process.exec_time == 21_000_000_000


def test_argv0_may_differ_from_the_file_and_may_be_missing(records, proc_tree):
    state = state_of(proc_tree)
    record = records.exec(50, 20.0, 21.0, b"/usr/bin/bash", blobs={"args": b"-bash\0"})
    assert (state.process(record).exe, state.process(record).cmdline) == (b"-bash", b"bash")
    record = records.exec(50, 20.0, 21.0, b"/usr/bin/bash", blobs={"args": b""})
    assert (state.process(record).exe, state.process(record).args) == (b"", ())


def test_a_deleted_executable_keeps_its_path(records, proc_tree):
    record = records.exec(50, 20.0, 21.0, b"/tmp/dropped", blobs={"exe": b"/tmp/dropped (deleted)"})
    assert state_of(proc_tree).process(record).exepath == b"/tmp/dropped"


def test_a_later_event_finds_the_exec(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/cat", (b"/etc/shadow",)))
    process = state.process(records.open(50, 20.0, 22.0, b"cat"))
    assert process.cmdline == b"cat /etc/shadow"


def test_a_failed_exec_changes_nothing(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/cat", (b"x",)))
    failed = records.exec(50, 20.0, 22.0, b"/no/such", result=-2, comm=b"cat")
    state.observe(failed)
    assert state.process(failed).exepath == b"/usr/bin/cat"
    assert state.process(records.open(50, 20.0, 23.0, b"cat")).args == (b"x",)


def test_a_child_that_never_execs_runs_what_its_parent_ran(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/python3", (b"serve.py",)))
    child = records.open(51, 30.0, 31.0, b"python3", ancestors=[(50, 20.0, b"python3"), INIT])
    assert state.process(child).args == (b"serve.py",)


def test_a_grandchild_without_execs_between_inherits_too(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/python3", (b"serve.py",)))
    line = [(51, 30.0, b"python3"), (50, 20.0, b"python3"), INIT]
    assert state.process(records.open(52, 31.0, 32.0, b"python3", ancestors=line)).args == (b"serve.py",)


def test_fork_before_exec_keeps_the_older_image(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", (b"run.sh",)))
    state.observe(records.exec(50, 20.0, 40.0, b"/usr/bin/sleep", (b"9",)))
    before = records.open(51, 30.0, 41.0, b"bash", ancestors=[(50, 20.0, b"sleep"), INIT])
    after = records.open(52, 40.5, 41.0, b"sleep", ancestors=[(50, 20.0, b"sleep"), INIT])
    assert state.process(before).exepath == b"/usr/bin/bash"
    assert state.process(after).exepath == b"/usr/bin/sleep"


def test_an_ancestor_is_told_as_of_the_records_time(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", (b"a.sh",)))
    state.observe(records.exec(50, 20.0, 40.0, b"/usr/bin/sleep", (b"9",)))
    earlier = records.open(51, 25.0, 39.0, b"cat", ancestors=[(50, 20.0, b"bash"), INIT])
    later = records.open(51, 25.0, 41.0, b"cat", ancestors=[(50, 20.0, b"sleep"), INIT])
    assert state.ancestor(earlier, 1).cmdline == b"bash a.sh"
    assert state.ancestor(later, 1).cmdline == b"sleep 9"


def test_exec_after_fork_is_the_childs_own(records, proc_tree):
    state = state_of(proc_tree)
    parent = [(50, 20.0, b"bash"), INIT]
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash"))
    state.observe(records.exec(51, 30.0, 30.1, b"/usr/bin/nc", (b"-l",), ancestors=parent))
    opened = records.open(51, 30.0, 31.0, b"nc", ancestors=parent)
    assert state.process(opened).cmdline == b"nc -l"
    assert state.ancestor(opened, 1).exepath == b"/usr/bin/bash"


def test_a_double_fork_is_remembered_from_while_the_parent_lived(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/python3", (b"daemon.py",)))
    middle = [(51, 30.0, b"python3"), (50, 20.0, b"python3"), INIT]
    first = records.open(52, 31.0, 31.1, b"python3", ancestors=middle)
    assert state.process(first).args == (b"daemon.py",)
    orphan = records.open(52, 31.0, 35.0, b"python3", ancestors=[INIT])
    assert state.process(orphan).args == (b"daemon.py",)
    assert [each.comm for each in state.ancestors(orphan)] == [b"systemd"]


def test_an_orphan_does_not_get_the_image_of_init(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(1, 0.5, 0.6, b"/usr/lib/systemd/systemd"))
    orphan = records.open(52, 31.0, 35.0, b"python3", ancestors=[INIT])
    assert state.process(orphan).exepath is None
    assert state.process(orphan).cmdline == b"python3"


def test_an_orphan_keeps_the_image_that_the_kernel_says_it_runs(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/python3", (b"daemon.py",), image=0xFFFF8881))
    state.observe(records.exec(60, 22.0, 23.0, b"/usr/bin/python3", (b"other.py",), image=0xFFFF8882))
    orphan = records.open(52, 31.0, 35.0, b"renamed", ancestors=[INIT], image=0xFFFF8881)
    assert state.process(orphan).cmdline == b"renamed daemon.py"


def test_an_orphan_cannot_pass_for_init_by_taking_its_name(records, proc_tree):
    state = state_of(proc_tree)
    proc_tree.add(1, 0.5, b"systemd", exe=b"/usr/lib/systemd/systemd")
    state.scan()
    for image in (0, 0xFFFF8881):
        impostor = records.open(52, 31.0, 35.0, b"systemd", ancestors=[INIT], image=image)
        assert state.process(impostor).exepath is None


def test_the_kernels_word_counts_more_than_what_the_cache_has(records, proc_tree):
    # Its last exec was lost when the ring was full.
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", (b"before",), image=0xFFFF8881))
    opened = records.open(50, 20.0, 25.0, b"cat", image=0xFFFF8882)
    assert state.process(opened).exepath is None
    proc_tree.add(50, 20.0, b"cat", exe=b"/usr/bin/cat", args=(b"cat", b"after"))
    opened = records.open(50, 20.0, 26.0, b"cat", image=0xFFFF8882)
    assert state.process(opened).args == (b"after",)


def test_a_parent_that_runs_another_image_is_not_believed_for_its_name(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/sh", (b"parent.sh",), image=0xFFFF8881))
    child = records.open(51, 30.0, 31.0, b"sh", ancestors=[(50, 20.0, b"sh"), INIT], image=0xFFFF8882)
    assert state.process(child).args is None


def test_the_image_of_a_process_from_before_is_learnt_from_its_first_record(records, proc_tree):
    proc_tree.add(50, 20.0, b"python3", exe=b"/usr/bin/python3", args=(b"python3", b"daemon.py"))
    state = state_of(proc_tree)
    state.scan()
    assert state.process(records.open(50, 20.0, 30.0, b"python3", image=0xFFFF8881)).args == (b"daemon.py",)
    proc_tree.remove(50)
    orphan = records.open(52, 31.0, 35.0, b"python3", ancestors=[INIT], image=0xFFFF8881)
    assert state.process(orphan).args == (b"daemon.py",)


def test_a_reused_image_address_is_the_newer_exec(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/bin/a", image=0xFFFF8881))
    state.observe(records.exec(60, 22.0, 23.0, b"/bin/b", image=0xFFFF8881))
    assert state.process(records.open(61, 24.0, 25.0, b"b", ancestors=[INIT], image=0xFFFF8881)).exepath == b"/bin/b"


def test_an_orphan_of_the_same_name_as_init_is_asked_of_proc_first(records, proc_tree):
    # In a container whose init is a shell, orphaned subshells of other scripts go to it.
    state = state_of(proc_tree)
    state.observe(records.exec(900, 50.0, 50.1, b"/bin/sh", (b"entrypoint.sh",), vpid=1))
    proc_tree.add(901, 60.0, b"sh", ppid=900, exe=b"/bin/sh", args=(b"sh", b"other.sh"))
    orphan = records.open(901, 60.0, 61.0, b"sh", ancestors=[(900, 50.0, b"sh", 1), INIT])
    assert state.process(orphan).args == (b"other.sh",)


def test_a_live_orphan_is_found_in_proc(records, proc_tree):
    proc_tree.add(52, 31.0, b"python3", ppid=1, exe=b"/usr/bin/python3", args=(b"python3", b"daemon.py"))
    orphan = records.open(52, 31.004, 35.0, b"python3", ancestors=[INIT])
    assert state_of(proc_tree).process(orphan).cmdline == b"python3 daemon.py"


def test_a_parent_that_renamed_itself_is_still_believed(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/python3", (b"serve.py",)))
    child = records.open(51, 30.0, 31.0, b"worker", ancestors=[(50, 20.0, b"worker"), INIT])
    assert state.process(child).args == (b"serve.py",)


def test_a_reused_pid_is_another_process(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/cat", (b"old",)))
    assert state.process(records.open(50, 90.0, 90.4, b"cat", ancestors=[INIT])).exepath is None
    state.observe(records.exec(50, 90.0, 90.5, b"/usr/bin/grep", (b"new",)))
    assert state.process(records.open(50, 90.0, 91.0, b"grep", ancestors=[INIT])).args == (b"new",)
    assert state.process(records.open(50, 20.0, 22.0, b"cat")).args == (b"old",)


def test_a_reused_pid_in_proc_is_not_mistaken(records, proc_tree):
    proc_tree.add(50, 90.0, b"grep", exe=b"/usr/bin/grep")
    assert state_of(proc_tree).process(records.open(50, 20.0, 22.0, b"cat")).exepath is None


def test_start_times_agree_with_proc_to_a_tick(records, proc_tree):
    proc_tree.add(50, 20.01, b"cat", exe=b"/usr/bin/cat")
    state = state_of(proc_tree)
    state.scan()
    assert state.process(records.open(50, 20.0199999, 22.0, b"cat")).exepath == b"/usr/bin/cat"
    assert state.process(records.open(50, 20.02, 22.0, b"cat")).exepath is None


def test_the_scan_remembers_processes_that_exit_later(records, proc_tree):
    proc_tree.add(50, 20.0, b"bash", exe=b"/usr/bin/bash", args=(b"bash", b"-l"))
    proc_tree.add(2, 0.5, b"kthreadd", exe=b"", args=())
    state = state_of(proc_tree)
    assert state.scan() == 1
    proc_tree.remove(50)
    assert state.process(records.open(50, 20.0, 22.0, b"bash")).cmdline == b"bash -l"


def test_the_scan_does_not_undo_what_execs_told(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", (b"told",)))
    proc_tree.add(50, 20.0, b"bash", exe=b"/usr/bin/bash", args=(b"rewritten by itself",))
    state.scan()
    assert state.process(records.open(50, 20.0, 22.0, b"bash")).args == (b"told",)


def test_cwd_is_that_of_now_while_the_process_lives(records, proc_tree):
    state = state_of(proc_tree)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", blobs={"cwd": b"/root"}))
    opened = records.open(50, 20.0, 22.0, b"bash")
    assert state.process(opened).cwd == b"/root/"
    proc_tree.add(50, 20.0, b"bash", cwd=b"/var/tmp")
    assert state.process(records.open(50, 20.0, 23.0, b"bash")).cwd == b"/var/tmp/"


def test_a_long_chain_of_execs_is_cut(records, proc_tree):
    state = state_of(proc_tree)
    for number in range(100):
        state.observe(records.exec(50, 20.0, 21.0 + number, b"/usr/bin/%d" % number))
    assert state.process(records.open(50, 20.0, 120.5, b"99")).exepath == b"/usr/bin/99"
    assert state.process(records.open(50, 20.0, 115.5, b"94")).exepath == b"/usr/bin/94"
    assert state.process(records.open(50, 20.0, 21.5, b"0")).exepath is None


def test_unknown_everything_is_unavailable_not_wrong(records, proc_tree):
    process = state_of(proc_tree).process(records.open(77, 20.0, 21.0, b"ghost"))
    assert (process.exe, process.exepath, process.args, process.env, process.cwd) == (None,) * 5
    assert (process.exe_ino, process.exe_ctime, process.exec_time, process.exeline) == (None,) * 4
    assert process.variable(b"PATH") is None
    assert process.has(layout.Flag.EXE_MEMFD) is None
    assert process.cmdline == b"ghost"


def test_what_proc_does_not_tell_of_an_executable_is_unavailable(records, proc_tree):
    proc_tree.add(50, 20.0, b"sealed", exe=b"/memfd:sealed (deleted)")
    process = state_of(proc_tree).process(records.open(50, 20.0, 22.0, b"sealed"))
    assert process.has(layout.Flag.EXE_MEMFD) is True
    assert process.has(layout.Flag.EXE_UPPER_LAYER) is None

"""Ancestors, session leaders and process groups."""

from __future__ import annotations

from falcon_sensor.records import layout
from falcon_sensor.state import view

MANY = layout.Flag.MANY_ANCESTORS


def state_of(proc_tree):
    return view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root))


def test_levels_count_from_the_process_itself(records, proc_tree):
    line = [(40, 4.0, b"bash"), (30, 3.0, b"sshd"), (1, 0.5, b"systemd")]
    record = records.open(50, 5.0, 9.0, b"cat", ancestors=line)
    state = state_of(proc_tree)
    assert [state.ancestor(record, level).comm for level in range(4)] == [b"cat", b"bash", b"sshd", b"systemd"]
    assert state.ancestor(record, 4) is None
    assert state.ancestor(record, -1) is None


def test_one_question_after_another_about_different_records(records, proc_tree):
    state = state_of(proc_tree)
    first = records.open(50, 5.0, 9.0, b"cat", ancestors=[(40, 4.0, b"bash")])
    second = records.open(51, 5.0, 9.0, b"dd", ancestors=[(41, 4.0, b"zsh")])
    assert [state.ancestor(each, 1).comm for each in (first, second, first)] == [b"bash", b"zsh", b"bash"]


def chain(length):
    """(pid, start, comm), nearest first."""
    return [(100 - level, 10.0 - level / 10, b"a%d" % level) for level in range(1, length + 1)]


def test_ancestors_beyond_the_records_eight_come_from_proc(records, proc_tree):
    line = chain(20)
    for (pid, start, comm), above in zip(line, [*line[1:], (0, 0, b"")], strict=True):
        proc_tree.add(pid, start, comm, ppid=above[0])
    record = records.open(100, 10.0, 11.0, b"a0", ancestors=line[:8], flags=MANY)
    state = state_of(proc_tree)
    assert [each.comm for each in state.ancestors(record)] == [comm for _, _, comm in line]
    assert state.ancestor(record, 20).pid == 80
    assert state.ancestor(record, 21) is None


def test_ancestors_beyond_the_eight_come_from_the_cache_once_they_are_gone(records, proc_tree):
    line = chain(12)
    state = state_of(proc_tree)
    eighth = line[7]
    state.observe(records.exec(eighth[0], eighth[1], 10.0, b"/bin/a8", ancestors=line[8:]))
    record = records.open(100, 10.0, 11.0, b"a0", ancestors=line[:8], flags=MANY)
    assert [each.comm for each in state.ancestors(record)] == [comm for _, _, comm in line]


def test_a_complete_chain_is_not_asked_for_more(records, proc_tree):
    proc_tree.add(99, 9.9, b"a1", ppid=1)
    proc_tree.add(1, 0.5, b"systemd")
    record = records.open(100, 10.0, 11.0, b"a0", ancestors=chain(1))
    assert len(state_of(proc_tree).ancestors(record)) == 1


def test_a_loop_in_what_proc_says_ends(records, proc_tree):
    proc_tree.add(99, 9.9, b"a1", ppid=98)
    proc_tree.add(98, 9.8, b"a2", ppid=99)
    record = records.open(100, 10.0, 11.0, b"a0", ancestors=chain(1), flags=MANY)
    assert len(state_of(proc_tree).ancestors(record)) == 128


def test_session_leader_among_the_ancestors(records, proc_tree):
    line = [(40, 4.0, b"bash"), (30, 3.0, b"sshd")]
    record = records.open(50, 5.0, 9.0, b"cat", ancestors=line, sid=40, pgid=50)
    state = state_of(proc_tree)
    assert state.session_leader(record).comm == b"bash"
    assert state.group_leader(record).comm == b"cat"


def test_session_leader_elsewhere_alive(records, proc_tree):
    proc_tree.add(33, 3.0, b"zsh", exe=b"/bin/zsh", sid=33)
    record = records.open(50, 5.0, 9.0, b"cat", ancestors=[(1, 0.5, b"systemd")], sid=33)
    leader = state_of(proc_tree).session_leader(record)
    assert (leader.pid, leader.comm, leader.exepath) == (33, b"zsh", b"/bin/zsh")


def test_a_leader_that_is_gone_is_stood_for_by_the_eldest_ancestor_in_its_session(records, proc_tree):
    proc_tree.add(40, 4.0, b"make", sid=20)
    proc_tree.add(39, 3.9, b"nohup", sid=20)
    proc_tree.add(30, 3.0, b"systemd", sid=30)
    line = [(40, 4.0, b"make"), (39, 3.9, b"nohup"), (30, 3.0, b"systemd")]
    record = records.open(50, 5.0, 9.0, b"cc", ancestors=line, sid=20)
    assert state_of(proc_tree).session_leader(record).comm == b"nohup"


def test_a_session_with_no_elder_is_led_by_the_process(records, proc_tree):
    record = records.open(50, 5.0, 9.0, b"cc", ancestors=[(30, 3.0, b"systemd")], sid=20)
    assert state_of(proc_tree).session_leader(record).comm == b"cc"


def test_the_start_of_the_pid_namespace(records, proc_tree):
    state = state_of(proc_tree)
    on_host = records.open(50, 5.0, 9.0, b"cat", ancestors=[(1, 0.5, b"systemd")])
    assert state.pid_namespace_start(on_host) == 500_000_000
    line = [(48, 4.8, b"nginx", 1), (30, 3.0, b"shim"), (1, 0.5, b"systemd")]
    in_container = records.open(50, 5.0, 9.0, b"sh", ancestors=line, vpid=9)
    assert state.pid_namespace_start(in_container) == 4_800_000_000
    entered = records.open(50, 5.0, 9.0, b"sh", ancestors=line[1:], vpid=9)
    assert state.pid_namespace_start(entered) is None

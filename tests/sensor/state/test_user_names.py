"""Users and groups, of the host and of containers that lie."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_sensor.records import layout
from falcon_sensor.state import users, view

ID = b"3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e"
CGROUP = b"/docker/" + ID
MNT_NS = 4026532177
HOST_PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"


@pytest.fixture
def etc(host):
    folder = host / "etc"
    folder.mkdir()
    (folder / "passwd").write_text(HOST_PASSWD)
    (folder / "group").write_text("root:x:0:\nwww-data:x:33:alice\n")
    return folder


@pytest.fixture
def image(tmp_path):
    """Root directory of a container."""
    (tmp_path / "image" / "etc").mkdir(parents=True)
    return tmp_path / "image"


@pytest.fixture
def state(proc_tree, host, etc):
    return view.State(proc=str(proc_tree.root), host_root=str(host))


@pytest.fixture
def impatient(monkeypatch):
    """Looks at files again each time."""
    monkeypatch.setattr(users, "FRESH_S", 0.0)
    monkeypatch.setattr(users, "SETTLE_S", 0.0)


def in_container(records, pid=50, uid=0, gid=0, ancestors=(), mnt_ns=MNT_NS, cgroup=CGROUP):
    return records.open(
        pid, 5.0, 9.0, b"sh", ancestors, cgroup, flags=layout.Flag.CONTAINER, uid=uid, gid=gid, mnt_ns=mnt_ns
    )


def test_users_of_the_host(records, state):
    record = records.open(50, 5.0, 9.0, b"php", uid=33, gid=33)
    assert state.user(record) == users.User(33, b"www-data", b"/var/www", b"/usr/sbin/nologin")
    assert state.group(record) == users.Group(33, b"www-data")


def test_unknown_ids_have_the_text_na_for_a_name(records, state):
    record = records.open(50, 5.0, 9.0, b"php", uid=4711, gid=4711)
    assert state.user(record) == users.User(4711, b"<NA>", b"<NA>", b"<NA>")
    assert state.group(record).name == b"<NA>"


def test_uid_0_is_root_even_without_files(records, proc_tree, tmp_path):
    state = view.State(proc=str(proc_tree.root), host_root=str(tmp_path / "nothing"))
    record = records.open(50, 5.0, 9.0, b"php")
    assert (state.user(record).name, state.group(record).name) == (b"root", b"root")


def test_login_user(records, state):
    assert state.login_user(records.open(50, 5.0, 9.0, b"sh")) is None
    assert state.login_user(records.open(50, 5.0, 9.0, b"sh", loginuid=33)).name == b"www-data"
    assert state.login_user(records.open(50, 5.0, 9.0, b"sh", loginuid=9)).name == b"<NA>"


def test_users_of_a_container_come_from_its_own_files(records, state, proc_tree, image):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    (image / "etc/group").write_text("staff:x:33:\n")
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    record = in_container(records, uid=33, gid=33)
    assert state.user(record).name == b"app"
    assert state.group(record).name == b"staff"
    assert state.login_user(in_container(records)) is None


def test_a_container_without_files_does_not_borrow_the_hosts(records, state, proc_tree, image):
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    assert state.user(in_container(records, uid=33)).name == b"<NA>"


def test_a_dead_process_is_answered_for_by_an_ancestor_in_the_container(records, state, proc_tree, image):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    proc_tree.add(40, 4.0, b"nginx", root_dir=image, mnt_ns=MNT_NS)
    proc_tree.add(30, 3.0, b"shim", root_dir="/")
    record = in_container(records, uid=33, ancestors=[(40, 4.0, b"nginx"), (30, 3.0, b"shim")])
    assert state.user(record).name == b"app"
    proc_tree.remove(40)
    assert state.user(in_container(records, uid=33, ancestors=[(30, 3.0, b"shim")])).name == b"app"


def test_processes_outside_do_not_answer_for_a_container(records, state, proc_tree, host):
    proc_tree.add(30, 3.0, b"shim", root_dir=host)
    assert state.user(in_container(records, uid=33, ancestors=[(30, 3.0, b"shim")])).name == b"<NA>"


def runc_state(host, init_pid, rootfs):
    folder = host / "run/runc" / ID.decode()
    folder.mkdir(parents=True)
    (host / "bundle").mkdir()
    state = {"init_process_pid": init_pid, "cgroup_paths": {}, "config": {"labels": ["bundle=/bundle"]}}
    (folder / "state.json").write_text(json.dumps(state))
    (host / "bundle/config.json").write_text(json.dumps({"root": {"path": rootfs}}))


def test_the_containers_first_process_answers_for_one_that_came_from_outside_and_is_gone(
    records, state, proc_tree, image, host
):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    proc_tree.add(40, 4.0, b"nginx", root_dir=image, mnt_ns=MNT_NS)
    runc_state(host, 40, "/nonexistent")
    assert state.user(in_container(records, uid=33, cgroup=b"/box/" + ID)).name == b"app"


@pytest.mark.parametrize("rootfs", ["rootfs", "/bundle/rootfs"])
def test_the_containers_root_directory_answers_when_all_its_processes_are_gone(rootfs, records, state, host):
    runc_state(host, 40, rootfs)
    (host / "bundle/rootfs/etc").mkdir(parents=True)
    (host / "bundle/rootfs/etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    assert state.user(in_container(records, uid=33, cgroup=b"/box/" + ID)).name == b"app"


def test_a_process_gone_too_soon_does_not_keep_the_next_from_being_asked(records, state, proc_tree, image):
    (image / "etc/passwd").write_text("app:x:0:0::/app:/bin/sh\n")
    assert state.user(in_container(records, 49)).name == b"root"
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    assert state.user(in_container(records, 50)).name == b"app"


def test_other_mounts_of_the_same_container_have_their_own_names(records, state, proc_tree, image, tmp_path):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    fake = tmp_path / "fake"
    (fake / "etc").mkdir(parents=True)
    (fake / "etc/passwd").write_text("innocent:x:33:33::/:/bin/sh\n")
    proc_tree.add(51, 6.0, b"sh", root_dir=fake, mnt_ns=MNT_NS + 1)
    assert state.user(in_container(records, 51, uid=33, mnt_ns=MNT_NS + 1)).name == b"innocent"
    assert state.user(in_container(records, 50, uid=33)).name == b"app"


def test_a_changed_file_is_read_again(records, state, proc_tree, image, impatient):
    passwd = image / "etc/passwd"
    passwd.write_text("app:x:33:33::/app:/bin/sh\n")
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    assert state.user(in_container(records, uid=33)).name == b"app"
    passwd.write_text("renamed:x:33:33::/app:/bin/sh\n")
    assert state.user(in_container(records, uid=33)).name == b"renamed"
    passwd.unlink()
    assert state.user(in_container(records, uid=33)).name == b"<NA>"


def test_an_unchanged_file_is_not_read_again(records, state, proc_tree, image, impatient, monkeypatch):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    assert state.user(in_container(records, uid=33)).name == b"app"
    monkeypatch.setattr(users, "parse_passwd", lambda text: pytest.fail("read again"))
    assert state.user(in_container(records, uid=33)).name == b"app"


@pytest.mark.parametrize("kind", ["fifo", "host link", "sparse", "directory"])
def test_hostile_files_name_nobody_and_do_not_hang(kind, records, state, proc_tree, image, host):
    passwd = image / "etc/passwd"
    if kind == "fifo":
        os.mkfifo(passwd)
    elif kind == "host link":
        passwd.symlink_to(host / "etc/passwd")
    elif kind == "sparse":
        with open(passwd, "wb") as file:
            file.truncate(1 << 30)
    else:
        passwd.mkdir()
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS)
    assert state.user(in_container(records, uid=33)).name == b"<NA>"


@pytest.mark.parametrize(
    ("mount", "trusted"), [(b"/", False), (b"/etc", False), (b"/etc/passwd", False), (b"/data", True)]
)
def test_fuse_where_the_files_are_is_not_touched(mount, trusted, records, state, proc_tree, image):
    (image / "etc/passwd").write_text("app:x:33:33::/app:/bin/sh\n")
    info = b"22 1 8:1 / / rw - overlay overlay rw\n23 22 0:9 / " + mount + b" rw - fuse.sshfs x rw\n"
    proc_tree.add(50, 5.0, b"sh", root_dir=image, mnt_ns=MNT_NS, mountinfo=info)
    assert state.user(in_container(records, uid=33)).name == (b"app" if trusted else b"<NA>")


def test_the_first_of_several_lines_counts_and_bad_lines_are_skipped():
    text = b"a:x:1:1::/a:/s\nb:x:1:1::/b:/s\n#c\nd:x:one:1::/:/\ne:x:-2:1::/:/\nf:x:99999999999999:1::/:/\n+::::::\n"
    assert users.parse_passwd(text) == {1: users.User(1, b"a", b"/a", b"/s")}
    assert users.parse_group(b"a:x:1:m\nb:x:1:\nc\n:::\n") == {1: users.Group(1, b"a")}


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_for_a_passwd_file(text):
    users.parse_passwd(text)
    users.parse_group(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="reads /proc/PID/root")
def test_our_own_name_through_proc(records):
    state = view.State()
    record = records.open(os.getpid(), 5.0, 9.0, b"python")
    assert state.user(record).name == b"root"
    assert state.user(record).home.startswith(b"/")

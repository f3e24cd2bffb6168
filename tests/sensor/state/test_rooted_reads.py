"""Files below a root whose owner means harm."""

from __future__ import annotations

import os

import pytest

from falcon_sensor.state import rooted


@pytest.fixture
def jail(tmp_path):
    (tmp_path / "secret").write_text("of the host")
    root = tmp_path / "jail"
    (root / "etc").mkdir(parents=True)
    return root


def read(jail, path="etc/passwd", cap=1000, symlinks=True):
    with rooted.directory(str(jail)) as root:
        return rooted.read(root, path, cap, symlinks)


def test_a_plain_file_is_read(jail):
    (jail / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    assert read(jail) == b"root:x:0:0::/root:/bin/sh\n"
    assert read(jail, "/etc/passwd") == b"root:x:0:0::/root:/bin/sh\n"


@pytest.mark.parametrize("target", ["../../secret", "../../../../../../../../etc/hostname", "/etc/hostname"])
def test_a_link_out_of_the_root_stays_inside(jail, target):
    (jail / "etc/passwd").symlink_to(target)
    assert read(jail) is None
    (jail / "secret").write_text("of the jail")
    (jail / "etc/hostname").write_text("of the jail")
    assert read(jail) == b"of the jail"


def test_links_can_be_refused_altogether(jail):
    (jail / "etc/real").write_text("x")
    (jail / "etc/passwd").symlink_to("real")
    assert read(jail) == b"x"
    assert read(jail, symlinks=False) is None


def test_dots_do_not_lead_out(jail):
    assert read(jail, "../secret") is None
    assert read(jail, "etc/../../secret") is None


def test_magic_links_are_refused(jail):
    with rooted.directory("/proc/self") as root:
        assert rooted.read(root, "exe", 1 << 30) is None


def test_a_fifo_is_not_waited_for(jail):
    os.mkfifo(jail / "etc/passwd")
    assert read(jail) is None


def test_a_directory_and_a_socket_are_not_files(jail):
    (jail / "etc/passwd").mkdir()
    assert read(jail) is None
    assert read(jail, "etc/none") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device_is_not_opened(jail):
    os.mknod(jail / "etc/passwd", 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    assert read(jail) is None


def test_a_huge_sparse_file_is_refused_unread(jail):
    with open(jail / "etc/passwd", "wb") as file:
        file.truncate(1 << 30)
    assert read(jail, cap=1 << 20) is None


def test_a_file_whose_size_lies_is_cut_off():
    with rooted.directory("/proc/self") as root:
        assert os.stat("/proc/self/status").st_size == 0
        assert rooted.read(root, "status", 100) is None
        assert rooted.read(root, "status", 1 << 20)


def test_a_nul_in_the_path_is_no_file(jail):
    assert read(jail, "etc/pass\0wd") is None


def test_a_signature_tells_changes(jail):
    with rooted.directory(str(jail)) as root:
        assert rooted.signature(root, "etc/passwd") is None
        (jail / "etc/passwd").write_text("one")
        first = rooted.signature(root, "etc/passwd")
        (jail / "etc/new").write_text("two longer")
        os.replace(jail / "etc/new", jail / "etc/passwd")
        assert rooted.signature(root, "etc/passwd") not in (None, first)


def test_nothing_is_left_open(jail):
    os.mkfifo(jail / "etc/passwd")
    (jail / "etc/group").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read(jail)
        read(jail, "etc/group")
        read(jail, "etc/none")
    assert len(os.listdir("/proc/self/fd")) == before

"""The path in a record is the opened file's, as the process sees it, however it was named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from falcon_sensor.records import layout

pytestmark = pytest.mark.kernel


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "etc" / "shadow").write_text("secret")
    (tmp_path / "var" / "link").symlink_to("../etc/shadow")
    (tmp_path / "linked").symlink_to("etc")
    return tmp_path


def test_name_relative_to_the_working_directory(act, tree: Path):
    record = act("open", 1, "etc/shadow", cwd=tree).one("open")
    assert record.blob("name") == b"etc/shadow"
    assert record.blob("path") == bytes(tree / "etc/shadow")
    assert record.blob("base") == b""


def test_name_relative_to_a_directory_descriptor(act, tree: Path):
    record = act("openat", 1, tree / "etc", "shadow").one("openat")
    assert (record.blob("name"), record.blob("path")) == (b"shadow", bytes(tree / "etc/shadow"))


def test_dots(act, tree: Path):
    record = act("open", 1, f"{tree}/var/../etc/./shadow").one("open")
    assert record.blob("path") == bytes(tree / "etc/shadow")


@pytest.mark.parametrize("name", ["var/link", "linked/shadow"])
def test_symbolic_links(act, tree: Path, name: str):
    record = act("open", 1, tree / name).one("open")
    assert record.blob("path") == bytes(tree / "etc/shadow")
    assert record.blob("name") == bytes(tree / name)


def test_descriptor_under_proc(act, tree: Path):
    by_path, opened = act("through_fd", 1, tree / "etc/shadow").of("open", "openat")
    assert by_path.blob("name") == bytes(tree / "etc/shadow")
    assert opened.blob("name").startswith(b"/proc/self/fd/")
    assert opened.blob("path") == bytes(tree / "etc/shadow")


def test_pipe_under_proc(act):
    record = act("pipe_through_fd", 1).one("openat")
    assert record.blob("path") == f"pipefs:[{record.body.ino}]".encode()


def test_failed_relative_name_tells_where_it_started(act, tree: Path):
    record = act("open", 1, "etc/absent", cwd=tree).one("open")
    assert (record.blob("name"), record.blob("path")) == (b"etc/absent", b"")
    assert record.blob("base") == bytes(tree)
    record = act("openat", 1, tree / "etc", "absent/file").one("openat")
    assert record.blob("base") == bytes(tree / "etc")


def test_unreadable_name_still_shows(act):
    record = act("unreadable", 1).one("openat")
    assert record.head.result == -14
    assert record.head.flags & layout.Flag.UNREADABLE


def test_unlinked_file_keeps_its_path(act, tmp_path: Path):
    records = act("deleted", 2, tmp_path / "short-lived").of("openat")
    assert [record.blob("path") for record in records] == [bytes(tmp_path / "short-lived")] * 2


def test_root_directory(act):
    assert act("open", 1, "/").one("open").blob("path") == b"/"


def test_across_mounts(act):
    """/proc/sys is one file system down from the root; a deeper mount of our own is two."""
    record = act("open", 1, "/proc/sys/kernel/ostype").one("open")
    assert record.blob("path") == b"/proc/sys/kernel/ostype"


@pytest.mark.parametrize("depth", [24, 36])
def test_deep_paths(act, tmp_path: Path, depth: int):
    deep = tmp_path.joinpath(*[f"d{number}" for number in range(depth - len(tmp_path.parts))])
    deep.mkdir(parents=True)
    (deep / "f").write_text("")
    record = act("open", 1, deep / "f").one("open")
    assert record.blob("path") == bytes(deep / "f")
    assert not record.head.flags & layout.Flag.TRUNCATED


def test_path_deeper_than_the_walk_says_so(act, tmp_path: Path):
    deep = tmp_path.joinpath(*["d"] * 80)
    deep.mkdir(parents=True)
    record = act("open", 1, deep).one("open")
    assert record.head.flags & layout.Flag.TRUNCATED
    assert bytes(deep).endswith(record.blob("path"))
    assert record.blob("name") == bytes(deep)


def test_long_components(act, tmp_path: Path):
    long = tmp_path / ("a" * 255) / ("b" * 255) / ("c" * 255)
    long.mkdir(parents=True)
    assert act("open", 1, long).one("open").blob("path") == bytes(long)


def test_process_with_a_root_of_its_own(act, actor: Path, tmp_path: Path, attached):
    """What a container sees: paths begin at the process's root."""
    from falcon_sensor.records import decode

    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root")
    os.link(actor, tmp_path / actor.name)
    for _ in attached.ring.records():
        pass
    process = subprocess.Popen(
        ["unshare", "--mount", f"--root={tmp_path}", f"/{actor.name}", "open", "1", "/etc/passwd"],
        stdout=subprocess.DEVNULL,
    )
    process.wait()
    records = [decode.Record(data) for data in attached.ring.records()]
    ours = [record for record in records if record.head.pid == process.pid]
    started, opened = ours[-2:]
    assert started.blob("exe") == f"/{actor.name}".encode()
    assert started.blob("cwd") == b"/"
    assert opened.blob("path") == b"/etc/passwd"
    assert opened.head.flags & layout.Flag.CONTAINER
    assert opened.head.mnt_ns != os.stat("/proc/self/ns/mnt").st_ino

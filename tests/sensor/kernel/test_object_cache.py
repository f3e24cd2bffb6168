"""Kept programs come back as they were, and only if nobody else can have put them there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_sensor.kernel import objectcache, objects

COMPILED = objects.Object({"ring": objects.MapShape(27, 0, 0, 4096, 0)}, {"f": objects.Function(bytes(8), ())})
KEY = objectcache.key("int f;")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    objectcache.write(str(folder), KEY, COMPILED)
    return folder


def only_file(directory: Path) -> Path:
    (found,) = directory.iterdir()
    return found


def test_what_was_kept_comes_back(directory: Path):
    assert objectcache.read(str(directory), KEY) == COMPILED
    assert directory.stat().st_mode & 0o777 == 0o700
    assert only_file(directory).stat().st_mode & 0o777 == 0o600


def test_comments_make_no_difference_and_everything_else_does():
    assert objectcache.key("/* rule a */int f;") == KEY
    assert objectcache.key("int\nf;\n\n  \n") == objectcache.key("int\n\nf;\n")
    assert objectcache.key("int\nf;") != objectcache.key("int f;")
    assert objectcache.key("int g;") != KEY


def test_unknown_programs_and_no_directory(directory: Path, tmp_path: Path):
    assert objectcache.read(str(directory), objectcache.key("int g;")) is None
    assert objectcache.read(str(tmp_path / "none"), KEY) is None


@pytest.mark.parametrize("at", [0, 30, -1])
def test_a_changed_byte_is_noticed(directory: Path, at: int):
    content = bytearray(only_file(directory).read_bytes())
    content[at] ^= 1
    only_file(directory).write_bytes(content)
    assert objectcache.read(str(directory), KEY) is None


@pytest.mark.parametrize("length", [0, 10, 100])
def test_a_file_that_was_cut_is_noticed(directory: Path, length: int):
    os.truncate(only_file(directory), length)
    assert objectcache.read(str(directory), KEY) is None


def test_what_others_may_write_is_not_taken(directory: Path):
    only_file(directory).chmod(0o620)
    assert objectcache.read(str(directory), KEY) is None
    only_file(directory).chmod(0o600)
    directory.chmod(0o777)
    assert objectcache.read(str(directory), KEY) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away takes root")
def test_what_belongs_to_others_is_not_taken(directory: Path):
    os.chown(only_file(directory), 65534, 65534)
    assert objectcache.read(str(directory), KEY) is None


def test_links_are_not_followed(directory: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    os.rename(only_file(directory), elsewhere)
    (directory / f"{KEY}.bpf").symlink_to(elsewhere)
    assert objectcache.read(str(directory), KEY) is None
    (tmp_path / "link").symlink_to(directory)
    assert objectcache.read(str(tmp_path / "link"), KEY) is None


def test_what_cannot_be_kept_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    objectcache.write(str(tmp_path / "file" / "below"), KEY, COMPILED)


def test_the_least_recently_used_go(tmp_path: Path):
    directory = str(tmp_path / "programs")
    keys = [objectcache.key(str(number)) for number in range(68)]
    for number, key in enumerate(keys):
        objectcache.write(directory, key, COMPILED)
        os.utime(tmp_path / "programs" / f"{key}.bpf", (number, number))
        if number == 10:
            assert objectcache.read(directory, keys[0]) == COMPILED  # used, so it stays
    left = [key for key in keys if objectcache.read(directory, key) is not None]
    assert keys[0] in left
    assert len(left) == 64

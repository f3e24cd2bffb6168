"""The file output: appended lines, rotation by size, opening anew, full disks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.outputs import file
from falcon_sensor.settings import model


def alert(text: str) -> alerts.Alert:
    return alerts.Alert("u", 0, "r", bundle.Priority.NOTICE, "syscall", "h", (), text)


def line(each: alerts.Alert) -> bytes:
    return each.output.encode() + b"\n"


def sink(path: Path, **options) -> file.File:
    return file.File(model.FileOutput(enabled=True, filename=str(path), **options), line)


def test_lines_are_appended_to_what_is_there(tmp_path):
    path = tmp_path / "alerts.txt"
    path.write_text("before\n")
    output = sink(path)
    output.write([alert("a"), alert("b")])
    output.write([alert("c")])
    output.close()
    assert path.read_text() == "before\na\nb\nc\n"


def test_a_new_file_is_not_for_everybodys_eyes(tmp_path):
    path = tmp_path / "alerts.txt"
    sink(path).close()
    assert path.stat().st_mode & 0o007 == 0


def test_rotation_never_cuts_a_line_and_keeps_as_many_as_asked(tmp_path):
    path = tmp_path / "alerts.txt"
    output = sink(path, rotate_bytes=10, rotate_keep=2)
    output.write([alert(f"line{number}") for number in range(9)])  # 6 bytes each with the newline: one a file
    output.close()
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        "alerts.txt": "line8\n",
        "alerts.txt.1": "line7\n",
        "alerts.txt.2": "line6\n",
    }


def test_a_file_exactly_full_is_not_rotated_before_the_next_line(tmp_path):
    path = tmp_path / "alerts.txt"
    output = sink(path, rotate_bytes=4)
    output.write([alert("a"), alert("b")])
    assert os.listdir(tmp_path) == ["alerts.txt"]
    output.write([alert("c")])
    output.close()
    assert path.read_text() == "c\n"
    assert (tmp_path / "alerts.txt.1").read_text() == "a\nb\n"


def test_a_line_larger_than_a_file_gets_one_of_its_own(tmp_path):
    path = tmp_path / "alerts.txt"
    output = sink(path, rotate_bytes=4)
    output.write([alert("x" * 20), alert("y")])
    output.close()
    assert path.read_text() == "y\n"
    assert (tmp_path / "alerts.txt.1").read_text() == "x" * 20 + "\n"


@pytest.mark.parametrize("keep_alive", [True, False])
def test_reopening_follows_a_file_that_was_moved_away(tmp_path, keep_alive):
    path = tmp_path / "alerts.txt"
    output = sink(path, keep_alive=keep_alive)
    output.write([alert("a")])
    path.rename(tmp_path / "old")
    output.reopen()
    output.write([alert("b")])
    output.close()
    assert (tmp_path / "old").read_text() == "a\n"
    assert path.read_text() == "b\n"


def test_a_file_that_cannot_be_opened_is_an_error_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        sink(tmp_path / "missing" / "alerts.txt")


def test_a_named_pipe_without_a_reader_is_an_error_and_not_a_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        sink(tmp_path / "pipe")


def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "alerts.txt"
    output = sink(path)
    output.write([alert("first")])
    real_write = os.write
    writes = iter([3, None])

    def short_write(fd, data):
        """Takes three bytes, then says that the disk is full."""
        room = next(writes)
        if room is None:
            raise OSError(28, "No space left on device")
        return real_write(fd, data[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", short_write)
        with pytest.raises(OSError, match="No space left"):
            output.write([alert("second")])
    output.write([alert("third")])
    output.close()
    assert path.read_text() == "first\nthird\n"

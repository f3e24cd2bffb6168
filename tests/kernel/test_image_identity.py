"""Records say which exec their process's image is from, whatever became of its parents."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel


def open_as_child_and_as_orphan(path: Path) -> int:
    """A child opens the file, and so does its own child once it is an orphan. Gives the first one's pid."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        Path("/proc/self/comm").write_text("falcon-actor")  # the probes of these tests let no other opens through
        os.close(os.open(path, os.O_RDONLY))
        parent = os.getpid()
        if os.fork() == 0:
            while os.getppid() == parent:
                pass
            os.close(os.open(path, os.O_RDONLY))
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    os.read(read_end, 1)  # ends when the orphan has ended too
    os.close(read_end)
    return child


def test_an_orphan_has_the_image_of_its_forebears(attached, tmp_path: Path):
    target = tmp_path / "opened"
    target.touch()
    for _ in attached.ring.records():
        pass
    child = open_as_child_and_as_orphan(target)
    records = [decode.Record(data) for data in attached.ring.records()]
    opens = [each for each in records if each.kind is layout.Kind.OPEN and each.blob("path") == bytes(target)]
    before, after = opens
    assert before.head.pid == child
    assert child not in [ancestor.pid for ancestor in after.ancestors]
    assert before.head.image == after.head.image != 0


def test_every_exec_is_an_image_of_its_own(act):
    first, second = act("exec", 2, "/bin/true").of("execve")
    assert 0 != first.head.image != second.head.image != 0

"""io_uring's calls show, also where somebody tries to keep their completion from showing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_sensor.records import layout

pytestmark = pytest.mark.kernel


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "link").symlink_to("secret")
    return tmp_path / "link"


def test_result_and_opened_path(act, target: Path):
    acted = act("uring_open", 1, target)
    record = acted.one("openat")
    assert record.head.result == acted.results[0] >= 0
    assert record.blob("name") == bytes(target)
    assert record.blob("path") == bytes(target.parent / "secret")
    assert (record.body.open_flags, record.body.mode, record.body.dirfd) == (os.O_RDONLY, 0, -100)


def test_failure(act, tmp_path: Path):
    acted = act("uring_open", 1, tmp_path / "absent")
    assert acted.one("openat").head.result == acted.results[0] == -2


def test_polling_thread(act, target: Path):
    acted = act("uring_polled", 1, target)
    record = acted.one("openat")
    assert record.head.pid == acted.pid
    assert record.blob("path") == bytes(target.parent / "secret")


def test_registered_file(act, target: Path):
    record = act("uring_registered", 1, target).one("openat")
    assert record.blob("path") == bytes(target.parent / "secret")


def test_completion_that_nobody_wants(act, target: Path):
    record = act("uring_without_completion", 1, target).one("openat")
    assert record.blob("name") == bytes(target)
    assert record.head.flags & layout.Flag.IO_URING


def test_full_completion_queue(act, target: Path):
    record = act("uring_overflowing", 1, target).one("openat")
    assert record.blob("path") == bytes(target.parent / "secret")


def test_completion_that_the_process_sent_itself(act, target: Path):
    """It says that the open failed, which has not even begun."""
    record = act("uring_forged", 1, target).one("openat")
    assert record.head.result >= 0
    assert record.blob("path") == bytes(target.parent / "secret")


def test_two_requests_under_one_name(act, target: Path, tmp_path: Path):
    """The first waits for good; the second cannot hide behind it."""
    os.mkfifo(tmp_path / "fifo")
    records = act("uring_same_user_data", 1, tmp_path / "fifo", target).of("openat")
    assert bytes(target) in [record.blob("name") for record in records]

"""io_uring's links, renames, sockets and datagrams, made 23 times each."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from falcon_sensor.records import layout

pytestmark = pytest.mark.kernel

TIMES = 23
FDCWD = -100
LOOPBACK = bytes([127, 0, 0, 1])


@pytest.mark.parametrize(
    ("event", "arguments", "names", "registers"),
    [
        ("renameat2", (35, FDCWD, "absent", FDCWD, "new", 1), (b"absent", b"new"), (FDCWD, 0, FDCWD, 0, 1, 0)),
        ("unlinkat", (36, FDCWD, "absent", 0, "", 0x200), (b"absent", b""), (FDCWD, 0, 0x200, 0, 0, 0)),
        ("mkdirat", (37, FDCWD, "made", 0o750, "", 0), (b"made", b""), (FDCWD, 0, 0o750, 0, 0, 0)),
        ("symlinkat", (38, FDCWD, "/etc/shadow", 0, "made", 0), (b"/etc/shadow", b"made"), (0, FDCWD, 0, 0, 0, 0)),
        ("linkat", (39, FDCWD, "old", FDCWD, "/nowhere/x", 0), (b"old", b"/nowhere/x"), (FDCWD, 0, FDCWD, 0, 0, 0)),
    ],
)
def test_names(act, tmp_path: Path, event: str, arguments, names, registers):
    (tmp_path / "old").write_text("x")
    done = act("uring_names", TIMES, *arguments, cwd=tmp_path)
    records = done.of(event)
    assert [record.head.result for record in records] == done.results
    assert len(records) == TIMES
    for record in records:
        assert (record.blob("name"), record.blob("second")) == names
        assert tuple(record.body) == registers
        assert record.head.flags & layout.Flag.IO_URING
        if event != "symlinkat":
            assert record.blob("base") == bytes(tmp_path)


def test_sockets(act):
    done = act("uring_socket", TIMES, socket.AF_PACKET, socket.SOCK_RAW)
    records = done.of("socket")
    assert [record.body.fd for record in records] == done.results
    assert len(records) == TIMES
    for record in records:
        assert (record.argument(0), record.argument(1)) == (socket.AF_PACKET, socket.SOCK_RAW)
        assert record.body.family == socket.AF_PACKET


@pytest.mark.parametrize("memory", [(), ("untouched",)], ids=["touched", "untouched"])
@pytest.mark.parametrize(
    ("event", "operation"),
    [("sendto", 26), ("sendto", 47), ("sendmsg", 9), ("sendmsg", 48)],
    ids=["send", "send_zc", "sendmsg", "sendmsg_zc"],
)
def test_datagrams(act, event: str, operation: int, memory: tuple[str, ...]):
    done = act(f"uring_{event}", TIMES, 53, operation, *memory)
    records = done.of(event)
    assert [record.head.result for record in records] == done.results == [5] * TIMES
    for record in records:
        assert (record.blob("destination"), record.body.dest_port) == (LOOPBACK, 53)
        assert record.head.flags & layout.Flag.FD_ADDRESSED

"""A known number of events in, exactly that number of records out, each as the call was made.

The number is a prime that nothing else makes by chance.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from falcon_sensor.kernel import probes
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

TIMES = 23


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=2 * TIMES) as server:
        yield server.getsockname()[1]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.write_text("content")
    return path


@pytest.mark.parametrize(
    ("action", "event", "flag"),
    [
        ("open", "open", 0),
        ("creat", "creat", 0),
        ("openat2", "openat2", 0),
        ("path_only", "openat", 0),
        ("int80_open", "open", layout.Flag.IA32),
        ("uring_open", "openat", layout.Flag.IO_URING),
        ("uring_openat2", "openat2", layout.Flag.IO_URING),
        ("uring_by_worker", "openat", layout.Flag.IO_URING),
    ],
)
def test_opens(act, target: Path, action: str, event: str, flag: int):
    acted = act(action, TIMES, target)
    records = acted.of("open", "openat", "openat2", "creat")
    assert [record.event for record in records] == [event] * TIMES
    assert [record.head.result for record in records] == acted.results
    assert all(result >= 0 for result in acted.results)
    for record in records:
        assert record.blob("name") == record.blob("path") == bytes(target)
        assert record.head.pid == acted.pid
        assert record.head.flags & (layout.Flag.IA32 | layout.Flag.IO_URING) == flag
        assert isinstance(record.body, decode.OpenBody)
        assert (record.body.ino, record.body.dev) == (target.stat().st_ino, target.stat().st_dev)


def test_openat_with_flags_and_mode(act, tmp_path: Path):
    records = act("openat", TIMES, tmp_path, "made").of("openat")
    assert len(records) == TIMES
    assert {record.body.open_flags for record in records} == {0o101}
    assert {record.body.mode for record in records} == {0o600}
    assert all(record.body.dirfd >= 0 for record in records)


def test_failed_opens(act, tmp_path: Path):
    acted = act("open", TIMES, tmp_path / "absent")
    records = acted.of("open")
    assert [record.head.result for record in records] == acted.results == [-2] * TIMES
    assert {record.blob("path") for record in records} == {b""}


@pytest.mark.parametrize(
    ("action", "event", "flag"),
    [
        ("exec", "execve", 0),
        ("execveat", "execveat", 0),
        ("fexecve", "execveat", 0),
        ("int80_exec", "execve", layout.Flag.IA32),
    ],
)
def test_execs(act, attached: probes.Probes, action: str, event: str, flag: int):
    acted = act(action, TIMES, "/usr/bin/true")
    records = acted.of("execve", "execveat")
    if "sched_prepare_exec" not in attached.hooks and action != "fexecve":
        event, flag = "execve", 0  # kernels before 6.10 do not tell how a program was started
    assert [record.event for record in records] == [event] * TIMES
    assert [record.head.pid for record in records] == acted.results
    for record in records:
        assert record.head.flags & layout.Flag.IA32 == flag
        assert record.head.flags & layout.Flag.WANTED
        # Kernels before 6.14 name a program that has no path after its descriptor.
        assert record.comm == b"true" or action == "fexecve"
        assert record.blob("exe") == b"/usr/bin/true"
        assert record.ancestors[0].pid == acted.pid


@pytest.mark.parametrize(
    ("action", "arguments", "flag"),
    [
        ("connect", (), 0),
        ("int80_connect", ("socketcall",), layout.Flag.IA32),
        ("int80_connect", ("direct",), layout.Flag.IA32),
        ("uring_connect", (), layout.Flag.IO_URING),
    ],
)
def test_connects(act, listener: int, action: str, arguments: tuple[str, ...], flag: int):
    acted = act(action, TIMES, listener, *arguments)
    records = acted.of("connect")
    assert [record.head.result for record in records] == acted.results == [0] * TIMES
    for record in records:
        body = record.body
        assert isinstance(body, decode.ConnectBody)
        assert (body.family, body.sock_type, body.protocol) == (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        assert (record.blob("destination"), body.dest_port) == (bytes([127, 0, 0, 1]), listener)
        assert record.blob("source") == bytes([127, 0, 0, 1])
        assert body.source_port
        assert record.head.flags & (layout.Flag.IA32 | layout.Flag.IO_URING) == flag

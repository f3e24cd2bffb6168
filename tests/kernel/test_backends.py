"""The same acts, seen by each backend that this kernel offers and by C at once, give the same records."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from falcon_sensor.kernel import choosing, probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

TIMES = 23
RING = 1 << 22


@pytest.fixture(scope="module")
def backend() -> choosing.Wish:
    return "c"


@pytest.fixture(scope="module", params=["a", "b"])
def other(request, attached: probes.Probes, only_the_actor: contract.Plan):
    """Attached beside C, to the same acts."""
    try:
        loaded = probes.load(only_the_actor, RING, backend=request.param)
    except probes.ProbeError as error:
        if "cannot be had here" not in str(error):
            raise
        pytest.skip(str(error))
    with loaded:
        yield loaded


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=2 * TIMES) as server:
        yield server.getsockname()[1]


def told(record: decode.Record) -> tuple[object, ...]:
    """All that a record says, apart from when it was written."""
    head = record.head
    blobs = [record.blob(blob.name) for blob in (*layout.COMMON_BLOBS, *layout.BLOBS[record.kind])]
    return (record.event, head.result, head.flags, head.pid, head.uid, record.comm, tuple(record.body), *blobs)


@pytest.mark.parametrize(
    ("action", "arguments", "events"),
    [
        ("open", ("/etc/hostname",), ("open",)),
        ("openat2", ("/etc/hostname",), ("openat2",)),
        ("open", ("/absent",), ("open",)),
        ("uring_open", ("/etc/hostname",), ("openat",)),
        ("exec", ("/usr/bin/true",), ("execve",)),
        ("connect", ("PORT",), ("connect", "socket")),
        ("call", (87, "@absent"), ("unlink",)),
        ("call", (264, -100, "@absent", -100, "@new"), ("renameat",)),
        ("call", (166, "@/absent", 2), ("umount2",)),
        ("call", (33, 1, 99), ("dup2",)),
        ("call", (101, 17, 1, 2, 3), ("ptrace",)),
        ("call", (268, -100, "@absent", 0o700), ("fchmodat",)),
        ("sendto", (53, socket.AF_INET), ("sendto",)),
    ],
    ids=lambda value: value if type(value) is str else "",
)
def test_backends_tell_the_same(
    act, attached: probes.Probes, other: probes.Probes, listener: int, action: str, arguments: tuple, events: tuple
):
    for _ in other.ring.records():
        pass
    acted = act(action, TIMES, *[listener if each == "PORT" else each for each in arguments])
    ours = acted.of(*events)
    records = map(decode.Record, other.ring.records())
    theirs = [each for each in acted.ours(records) if each.event in events]
    assert [told(record) for record in theirs] == [told(record) for record in ours]
    assert len(ours) == TIMES * len(events)


def test_32_bit_callers(act, other: probes.Probes, tmp_path: Path):
    for _ in other.ring.records():
        pass
    (tmp_path / "file").touch()
    acted = act("int80_open", TIMES, tmp_path / "file")
    seen = [each for each in acted.ours(map(decode.Record, other.ring.records())) if each.event == "open"]
    assert len(acted.of("open")) == TIMES
    assert len(seen) == (TIMES if other.backend == "a" else 0)


def test_auto_takes_one_that_sees_32_bit_callers(only_the_actor: contract.Plan):
    with probes.load(only_the_actor, RING) as loaded:
        assert loaded.backend != "b" or "32-bit" not in loaded.why
        assert loaded.backend == "a" or loaded.why

"""The calls of `records.calls`: a known number in, exactly that number of records out, each as it was made."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from falcon_sensor.kernel import numbers
from falcon_sensor.records import calls, decode, layout

pytestmark = pytest.mark.kernel

TIMES = 23
X86 = numbers.NUMBERS["x86_64"]
FCHMODAT2 = 452
"""Of all architectures, since 6.6."""
LOOPBACK = bytes([127, 0, 0, 1])


def number(event: str) -> int:
    return X86.native[event][0]


def skip_absent(done) -> None:
    if not done.sees_absent_calls and set(done.results) == {-errno.ENOSYS}:
        pytest.skip("this kernel does not have the call")


def acted(act, event: str, *arguments: object, narrow: bool = False, cwd: Path | None = None):
    """Makes the call so many times; records and results belong together."""
    newest = [each for each in X86.compat[event] if each != FCHMODAT2][-1]
    done = act("call", TIMES, *(("int80", newest) if narrow else (number(event),)), *arguments, cwd=cwd)
    skip_absent(done)
    records = done.of(event)
    assert [record.head.result for record in records] == done.results
    assert len(records) == TIMES
    assert all(bool(record.head.flags & layout.Flag.IA32) is narrow for record in records)
    return records


FDCWD = -100

# event, arguments, the two names
NAMED = [
    ("link", ("@old", "@new"), (b"old", b"new")),
    ("linkat", (FDCWD, "@old", FDCWD, "@/tmp/new", 0x400), (b"old", b"/tmp/new")),
    ("symlink", ("@/etc/shadow", "@made"), (b"/etc/shadow", b"made")),
    ("symlinkat", ("@../x", FDCWD, "@made"), (b"../x", b"made")),
    ("rename", ("@absent", "@new"), (b"absent", b"new")),
    ("renameat", (FDCWD, "@absent", FDCWD, "@new"), (b"absent", b"new")),
    ("renameat2", (FDCWD, "@absent", FDCWD, "@new", 1), (b"absent", b"new")),
    ("unlink", ("@absent",), (b"absent", b"")),
    ("unlinkat", (FDCWD, "@absent", 0x200), (b"absent", b"")),
    ("rmdir", ("@absent",), (b"absent", b"")),
    ("mkdir", ("@made", 0o750), (b"made", b"")),
    ("mkdirat", (FDCWD, "@made", 0o750), (b"made", b"")),
    ("chmod", ("@old", 0o4755), (b"old", b"")),
    ("fchmodat", (FDCWD, "@old", 0o4755), (b"old", b"")),
    ("chown", ("@old", 0, 0), (b"old", b"")),
    ("lchown", ("@old", 0, 0), (b"old", b"")),
    ("fchownat", (FDCWD, "@old", 0, 0, 0x100), (b"old", b"")),
    ("mount", ("@absent", "@old", "@none", 4096), (b"absent", b"old")),
    ("umount2", ("@old", 2), (b"old", b"")),
]


@pytest.mark.parametrize(("event", "arguments", "names"), NAMED, ids=lambda value: value if type(value) is str else "")
def test_names(act, tmp_path: Path, event: str, arguments: tuple[object, ...], names: tuple[bytes, bytes]):
    (tmp_path / "old").write_text("x")
    (base,) = {
        (record.blob("name"), record.blob("second"), record.blob("base"), record.blob("second_base"))
        for record in acted(act, event, *arguments, cwd=tmp_path)
    }
    relative = [bool(name) and not name.startswith(b"/") for name in names]
    expected = [bytes(tmp_path) if each else b"" for each in relative]
    if event in calls.TARGETS:
        expected[0] = b""
    assert base == (*names, *expected)


def test_names_of_32_bit_calls(act, tmp_path: Path):
    for event, arguments, names in NAMED:
        if event not in ("linkat", "renameat2", "fchownat", "mount"):  # more than the actor's four arguments
            records = acted(act, event, *arguments, narrow=True, cwd=tmp_path)
            assert {(record.blob("name"), record.blob("second")) for record in records} == {names}


def test_a_second_number_means_the_same(act, tmp_path: Path):
    (tmp_path / "old").write_text("x")
    fchmodat2 = act("call", TIMES, FCHMODAT2, FDCWD, "@old", 0o700, 0, cwd=tmp_path)
    skip_absent(fchmodat2)
    assert len(fchmodat2.of("fchmodat")) == TIMES


PLAIN = [
    ("ptrace", (17, 1, 2, 3), (17, 1, 2, 3, 0, 0), -errno.ESRCH),
    ("init_module", (0, 0, "@speed=1"), None, None),
    ("bpf", (99, 0, 0), (99, 0, 0, 0, 0, 0), None),
    ("setuid", (0,), (0, 0, 0, 0, 0, 0), 0),
    ("setgid", (0,), (0, 0, 0, 0, 0, 0), 0),
    ("setresuid", (-1, 0, -1), (0xFFFFFFFF, 0, 0xFFFFFFFF, 0, 0, 0), 0),
    ("setresgid", (-1, 0, -1), (0xFFFFFFFF, 0, 0xFFFFFFFF, 0, 0, 0), 0),
    ("unshare", (0x04000000,), (0x04000000, 0, 0, 0, 0, 0), 0),
    ("userfaultfd", (0xFFFF,), (0xFFFF, 0, 0, 0, 0, 0), -errno.EINVAL),
    ("kill", ("SELF", 0), None, 0),
    ("prctl", (38, 1, 0, 0, 0), (38, 1, 0, 0, 0, 0), 0),
    ("memfd_create", ("@secret", 1), None, None),
]


@pytest.mark.parametrize(("event", "arguments", "registers", "result"), PLAIN, ids=[each[0] for each in PLAIN])
def test_plain(act, event: str, arguments: tuple[object, ...], registers: tuple[int, ...] | None, result: int | None):
    records = acted(act, event, *arguments)
    if registers is not None:
        assert {tuple(record.body) for record in records} == {registers}
    if result is not None:
        assert {record.head.result for record in records} == {result}
    texts = {"init_module": b"speed=1", "memfd_create": b"secret"}
    assert {record.blob("text") for record in records} == {texts.get(event, b"")}


def test_attaching_to_a_child(act):
    done = act("ptrace_child", TIMES)
    records = done.of("ptrace")
    assert [record.head.result for record in records] == [0] * TIMES
    assert {record.argument(0) for record in records} == {16}
    assert {(record.argument(2), record.argument(3)) for record in records} == {(0x11, 0x22)}


def test_bits_above_an_argument_do_not_count(act):
    records = act("socket_with_leftovers", TIMES).of("socket")
    assert [record.argument(0) for record in records] == [socket.AF_PACKET] * TIMES
    assert {record.argument(1) for record in records} == {socket.SOCK_RAW}
    assert {record.body.family for record in records} == {socket.AF_PACKET}


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=2 * TIMES) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("event", ["dup", "dup2", "dup3"])
def test_a_socket_under_another_number(act, listener: int, event: str):
    done = act("dup_socket", TIMES, listener, number(event))
    records = done.of(event)
    assert [record.body.fd for record in records] == done.results
    for record in records:
        assert (record.body.family, record.body.dest_port) == (socket.AF_INET, listener)
        assert record.blob("destination") == record.blob("source") == LOOPBACK
        assert record.head.flags & layout.Flag.FD_CONNECTED
        assert not record.head.flags & layout.Flag.FD_SERVER


def test_a_file_under_another_number(act, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    records = act("dup_file", TIMES, tmp_path / "file").of("dup2")
    assert {(record.body.family, record.blob("path")) for record in records} == {(0, bytes(tmp_path / "file"))}
    assert {record.body.ino for record in records} == {(tmp_path / "file").stat().st_ino}
    assert len(records) == TIMES


def test_dup_that_fails(act):
    records = acted(act, "dup", 999)
    assert {(record.head.result, record.body.ino) for record in records} == {(-errno.EBADF, 0)}


@pytest.mark.parametrize(
    ("action", "event", "arguments"),
    [
        ("sendto", "sendto", (socket.AF_INET,)),
        ("sendto", "sendto", (socket.AF_UNSPEC,)),
        ("sendto_mapped", "sendto", ()),
        ("sendmsg", "sendmsg", ()),
        ("int80_sendto", "sendto", ()),
    ],
)
def test_datagrams_to_an_address(act, action: str, event: str, arguments: tuple[int, ...]):
    done = act(action, TIMES, 53, *arguments)
    records = done.of(event)
    assert [record.head.result for record in records] == done.results == [5] * TIMES
    for record in records:
        assert (record.body.family, record.body.sock_type) == (socket.AF_INET, socket.SOCK_DGRAM)
        assert (record.blob("destination"), record.body.dest_port) == (LOOPBACK, 53)
        assert record.head.flags & layout.Flag.FD_ADDRESSED
        assert not record.head.flags & (layout.Flag.FD_CONNECTED | layout.Flag.FD_SERVER)


def test_sending_to_the_peer(act, listener: int):
    records = act("send_connected", TIMES, listener).of("sendto")
    for record in records:
        assert (record.blob("destination"), record.body.dest_port) == (LOOPBACK, listener)
        assert record.head.flags & layout.Flag.FD_CONNECTED
        assert not record.head.flags & layout.Flag.FD_SERVER
    assert len(records) == TIMES


@pytest.mark.parametrize("event", ["accept", "accept4"])
def test_a_server(act, event: str):
    done = act("serve", TIMES, event)
    ports = done.results[4::5]
    for wanted in ("bind", "listen", event, "recvfrom"):
        records = done.of(wanted)
        assert len(records) == TIMES
        for record, port in zip(records, ports, strict=True):
            assert record.head.flags & layout.Flag.FD_SERVER, wanted
            assert (record.blob("destination"), record.body.dest_port) == (LOOPBACK, port)
            connected = wanted in (event, "recvfrom")
            assert bool(record.head.flags & layout.Flag.FD_CONNECTED) is connected
            assert bool(record.body.source_port) is connected
            assert record.blob("source") == (LOOPBACK if connected else bytes(4))


def test_a_datagram_that_came(act):
    done = act("receive_datagram", TIMES)
    records = done.of("recvfrom")
    assert len(records) == TIMES
    for record, source, own in zip(records, done.results[1::3], done.results[2::3], strict=True):
        assert record.head.flags & layout.Flag.FD_SERVER
        assert record.head.flags & layout.Flag.FD_ADDRESSED
        assert (record.blob("source"), record.body.source_port) == (LOOPBACK, source)
        assert (record.blob("destination"), record.body.dest_port) == (LOOPBACK, own)


@pytest.mark.parametrize(("event", "arguments"), [("fchmod", (1, 0o600)), ("fchown", (1, 0, 0)), ("setns", (1, 0))])
def test_descriptors_of_files(act, event: str, arguments: tuple[int, ...]):
    records = acted(act, event, *arguments)
    for record in records:
        assert isinstance(record.body, decode.DescriptorBody)
        assert (record.body.fd, record.body.family) == (1, 0)
        assert record.blob("path").startswith(b"pipefs:[")


def test_a_module_by_descriptor(act):
    records = acted(act, "finit_module", 999, "@speed=1", 1)
    assert {(record.blob("text"), record.argument(2), record.body.fd) for record in records} == {(b"speed=1", 1, 999)}


def test_every_recorded_call_has_a_number_and_a_test():
    for machine, found in numbers.NUMBERS.items():
        missing = set(calls.CALLS) - set(found.native) - set(found.compat)
        assert not missing, machine

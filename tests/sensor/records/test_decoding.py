"""Records are decoded as they are encoded, and what is no record is refused at once."""

from __future__ import annotations

import pytest

from falcon_sensor.records import decode, layout

HEAD = decode.Head(
    **{field: number for number, field in enumerate(decode.Head._fields, 1) if field not in ("comm", "event")},
    event=layout.EVENTS.index("openat"),
    comm=b"cat",
)
ANCESTORS = (decode.Ancestor(7, 20, 2, b"bash"), decode.Ancestor(5, 10, 1, b"systemd"))
BODY = decode.OpenBody(ino=1, dev=2, open_flags=3, mode=0o600, dirfd=-100)
BLOBS = {"cgroup": b"/system.slice", "name": b"shadow", "path": b"/etc/shadow"}


@pytest.fixture
def data() -> bytes:
    return decode.encode(layout.Kind.OPEN, HEAD, ANCESTORS, BODY, BLOBS)


def test_round_trip(data: bytes):
    record = decode.Record(data)
    assert record.kind is layout.Kind.OPEN
    assert record.event == "openat"
    assert record.comm == b"cat"
    assert record.head.ancestors == 2
    assert record.ancestors == ANCESTORS
    assert record.body == BODY
    assert {name: record.blob(name) for name in BLOBS} == BLOBS
    assert record.blob("base") == record.blob("cgroup_v1") == b""


def test_blobs_of_other_kinds_are_not_there(data: bytes):
    with pytest.raises(KeyError):
        decode.Record(data).blob("args")


def test_decoders_follow_the_layout():
    assert decode.Head._fields == tuple(member.name for member in layout.HEAD)
    assert decode.Ancestor._fields == tuple(member.name for member in layout.ANCESTOR)
    fields = {
        layout.Kind.EXEC: decode.ExecBody._fields,
        layout.Kind.OPEN: decode.OpenBody._fields,
        layout.Kind.CONNECT: decode.ConnectBody._fields,
        layout.Kind.NAMES: decode.NamesBody._fields,
        layout.Kind.DESCRIPTOR: decode.DescriptorBody._fields,
        layout.Kind.PLAIN: decode.PlainBody._fields,
    }
    assert fields == {kind: tuple(member.name for member in members) for kind, members in layout.BODIES.items()}


@pytest.mark.parametrize("kind", layout.Kind)
def test_natural_alignment_leaves_no_gaps(kind: layout.Kind):
    """C lays the same members out without padding only if each lies at a multiple of its own size."""
    offset = 0
    repeated = layout.ANCESTOR * layout.ANCESTORS
    for member in (*layout.HEAD, *repeated, *layout.BODIES[kind]):
        size = layout.format_of((member,)).size
        assert offset % min(size, 8) == 0, member.name
        offset += size


@pytest.mark.parametrize(
    ("blob", "strings"),
    [
        (b"", []),
        (b"ls\0-l\0", [b"ls", b"-l"]),
        (b"ls\0\0", [b"ls", b""]),
        (b"ls\0cut", [b"ls", b"cut"]),
        (b"\0", [b""]),
    ],
)
def test_strings(blob: bytes, strings: list[bytes]):
    head = HEAD._replace(event=layout.EVENTS.index("execve"))
    data = decode.encode(layout.Kind.EXEC, head, (), decode.ExecBody(*[0] * 7), {"args": blob})
    assert decode.Record(data).strings("args") == strings


def test_every_cut_is_refused(data: bytes):
    for length in range(len(data)):
        with pytest.raises(ValueError):
            decode.Record(data[:length])


def test_heads_out_of_range_are_refused(data: bytes):
    for head in (HEAD._replace(event=len(layout.EVENTS)), HEAD._replace(event=layout.EVENTS.index("connect"))):
        with pytest.raises(ValueError):
            decode.Record(decode.encode(layout.Kind.OPEN, head, ANCESTORS, BODY, BLOBS))
    with pytest.raises(ValueError, match="unknown record kind 77"):
        decode.Record(bytes([77]) + data[1:])


def test_blobs_are_cut_at_their_cap():
    long = b"x" * (layout.PATH_CAP + 1)
    record = decode.Record(decode.encode(layout.Kind.OPEN, HEAD, (), BODY, {"name": long}))
    assert len(record.blob("name")) == layout.PATH_CAP


def test_unknown_blobs_are_refused():
    with pytest.raises(KeyError, match="no blob args"):
        decode.encode(layout.Kind.OPEN, HEAD, (), BODY, {"args": b""})

"""The ring reader against a ring of known content: a file with the same layout as the kernel's map."""

from __future__ import annotations

import mmap
import os
import select
import struct
from collections.abc import Iterator

import pytest

from falcon_sensor.kernel import ring

SIZE = mmap.PAGESIZE
BUSY, DISCARD = 1 << 31, 1 << 30


class Writer:
    """Plays the kernel: a file of consumer page, producer page and data (twice, kept the same)."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * mmap.PAGESIZE + 2 * SIZE)
        self.position = 0

    def start_at(self, position: int) -> None:
        self.position = position
        os.pwrite(self.fd, struct.pack("<Q", position), 0)
        os.pwrite(self.fd, struct.pack("<Q", position), mmap.PAGESIZE)

    def write(self, data: bytes, bits: int = 0) -> int:
        """Puts a record; gives where its header is."""
        at = self.position & (SIZE - 1)
        for offset, byte in enumerate(struct.pack("<II", len(data) | bits, 0) + data):
            for copy in (0, SIZE):
                os.pwrite(self.fd, bytes([byte]), 2 * mmap.PAGESIZE + (at + offset) % SIZE + copy)
        self.position += (8 + len(data) + 7) & ~7
        os.pwrite(self.fd, struct.pack("<Q", self.position), mmap.PAGESIZE)
        return at

    def finish(self, at: int, length: int) -> None:
        for copy in (0, SIZE):
            os.pwrite(self.fd, struct.pack("<I", length), 2 * mmap.PAGESIZE + at + copy)

    def consumed(self) -> int:
        return int(struct.unpack("<Q", os.pread(self.fd, 8, 0))[0])


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    class NoPoll:
        """A file can't be polled as the kernel's map can."""

        def register(self, *_: object) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr(select, "epoll", NoPoll)
    writer = Writer()
    yield writer
    os.close(writer.fd)


def test_records_come_in_order_and_are_given_back(writer: Writer):
    reader = ring.Ring(writer.fd, SIZE)
    for data in (b"one", b"twelve bytes", b""):
        writer.write(data)
    assert reader.backlog == writer.position
    assert list(reader.records()) == [b"one", b"twelve bytes", b""]
    assert list(reader.records()) == []
    assert writer.consumed() == writer.position
    assert reader.backlog == 0
    reader.close()


def test_record_across_the_end_of_the_ring(writer: Writer):
    writer.start_at(3 * SIZE - 16)
    reader = ring.Ring(writer.fd, SIZE)
    data = bytes(range(100))
    writer.write(data)
    assert list(reader.records()) == [data]
    reader.close()


def test_reading_stops_at_a_record_being_written(writer: Writer):
    reader = ring.Ring(writer.fd, SIZE)
    writer.write(b"done")
    at = writer.write(b"being written", BUSY)
    writer.write(b"later")
    assert list(reader.records()) == [b"done"]
    writer.finish(at, len(b"being written"))
    assert list(reader.records()) == [b"being written", b"later"]
    reader.close()


def test_records_given_up_are_skipped(writer: Writer):
    reader = ring.Ring(writer.fd, SIZE)
    writer.write(b"no", DISCARD)
    writer.write(b"yes")
    writer.write(b"no", DISCARD)
    assert list(reader.records()) == [b"yes"]
    assert writer.consumed() == writer.position
    reader.close()


def test_at_most_so_many(writer: Writer):
    reader = ring.Ring(writer.fd, SIZE)
    for number in range(5):
        writer.write(bytes([number]))
    assert list(reader.records(most=2)) == [b"\0", b"\1"]
    assert list(reader.records()) == [b"\2", b"\3", b"\4"]
    reader.close()


def test_record_that_comes_while_the_last_one_is_handled(writer: Writer):
    """The kernel wakes nobody for it, because the reader has not caught up yet: it must be found now."""
    reader = ring.Ring(writer.fd, SIZE)
    writer.write(b"first")
    records = reader.records()
    assert next(records) == b"first"
    writer.write(b"second")
    assert list(records) == [b"second"]
    assert writer.consumed() == writer.position
    reader.close()


def test_closing_early_keeps_the_rest(writer: Writer):
    reader = ring.Ring(writer.fd, SIZE)
    for number in range(3):
        writer.write(bytes([number]))
    records = reader.records()
    next(records)
    records.close()
    assert list(reader.records()) == [b"\1", b"\2"]
    reader.close()

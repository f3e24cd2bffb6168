"""Reader of a BPF ring buffer: the kernel's record bytes, one by one.

The ring is mapped into our memory: a page with the consumer's position (ours to write), a page with
the producer's, then the data, mapped twice in a row so that a record that wraps reads straight on.
Each record has a header word: its length, a bit that says the producer is still writing (stop
there), a bit that says it was given up (skip it). About 1 us a record; through bcc's callback it
would be four.

Not every record wakes the reader (why: programs/finish.bpf.c). Whoever waits has to look again after
`LINGER_SECONDS` when the last look found something, and now and then in any case:

    record   A        B    C                   a row that begins with A
    kernel   wakes    .    .                   at most one wake in WAKE_PAUSE_NS, containers apart
    reader   reads A  ......... reads B, C ......... finds nothing, sleeps until woken
                      LINGER               LINGER
"""

from __future__ import annotations

import mmap
import select
import struct
import time
from collections.abc import Generator
from typing import Final

WAKE_PAUSE_NS: Final = 5_000_000
"""For records of host processes the kernel's programs wake the reader at most this often."""

LINGER_SECONDS: Final = 2 * WAKE_PAUSE_NS / 1e9
"""How long after a look that found something to look again. Longer than the pause: a record that wakes nobody is at
most a pause later than one that did. The rest is for the time between a record's clock and its being in the ring."""

_BUSY = 1 << 31
_DISCARD = 1 << 30
_LENGTH = _DISCARD - 1
_HEADER = 8
_RELEASE = 1 << 16
"""Bytes after which the space is given back while a long backlog is read."""


class Ring:
    """One ring. `records()` drains what is there, `wait()` sleeps until there may be more."""

    def __init__(self, fd: int, size: int) -> None:
        """fd: the map's, not taken over. size: bytes of data, a power of two. Raises OSError."""
        page = mmap.PAGESIZE
        self._size = size
        self._consumer_map = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._producer_map = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._consumer = memoryview(self._consumer_map).cast("Q")
        self._producer = memoryview(self._producer_map)[:8].cast("Q")
        self._data = memoryview(self._producer_map)[page:]
        self._poll = select.epoll()
        self._poll.register(fd, select.EPOLLIN)

    @property
    def backlog(self) -> int:
        """Bytes written and not read yet; near the ring's size, records are about to be dropped."""
        return self._producer[0] - self._consumer[0]

    def wait(self, seconds: float) -> bool:
        """Whether something came within this time, found out at most `LINGER_SECONDS` late. May say yes too early."""
        end = time.monotonic() + seconds
        while not self._poll.poll(min(LINGER_SECONDS, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                return False
        return True

    def records(self, most: int | None = None) -> Generator[bytes, None, None]:
        """Records that are complete now, oldest first, each a copy; at most so many if `most` is given.

        A record counts as read when the next is asked for, or the iteration ends or is closed.
        """
        data, consumer, mask = self._data, self._consumer, self._size - 1
        header = struct.Struct("<I").unpack_from
        position = released = consumer[0]
        try:
            end = self._producer[0]
            count = 0
            while position < end and count != most:
                start = position & mask
                word = header(data, start)[0]
                if word & _BUSY:
                    return
                length = word & _LENGTH
                following = position + (_HEADER + length + 7 & ~7)
                if not word & _DISCARD:
                    record = bytes(data[start + _HEADER : start + _HEADER + length])
                    position = following
                    count += 1
                    yield record
                position = following
                if position - released >= _RELEASE:
                    released = consumer[0] = position
                if position >= end:
                    # In this order: what comes after the last look leaves a backlog that can be polled for.
                    released = consumer[0] = position
                    end = self._producer[0]
        finally:
            consumer[0] = position

    def close(self) -> None:
        """Unmaps; the map's descriptor stays its owner's to close."""
        self._poll.close()
        for view in (self._consumer, self._producer, self._data):
            view.release()
        self._consumer_map.close()
        self._producer_map.close()

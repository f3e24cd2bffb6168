"""An image: what one successful exec put into a process.

Made from an exec record (of the kernel, or written by `procfs` about a process that was there
before us) and kept as that record's bytes until a field is asked for. Older images of the same
process hang behind it: a child forked before the last exec still runs the one before.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from falcon_sensor.records import decode, layout
from falcon_sensor.state import packing

HISTORY = 8
"""Images kept per process. Wrapper scripts chain a handful of execs; children forked before those are rarer still."""

READ = 128
"""Decoded images kept: what the alerts of a busy minute ask for, half a MiB of it."""

DELETED = b" (deleted)"


class Facts(NamedTuple):
    """A decoded exec record. env: `NAME=value` entries. exepath: without ` (deleted)`. time, start: boot time, ns."""

    pid: int
    start: int
    time: int
    comm: bytes
    filename: bytes
    exepath: bytes
    argv: tuple[bytes, ...]
    env: tuple[bytes, ...]
    cwd: bytes
    flags: layout.Flag
    head: decode.Head
    body: decode.ExecBody
    ancestors: tuple[decode.Ancestor, ...]

    @property
    def is_from_proc(self) -> bool:
        """Read from /proc (see `procfs`), where no exec's time is known. A real exec comes after the start."""
        return self.time == self.start


def facts_of(record: decode.Record) -> Facts:
    """Everything an exec record tells. Raises ValueError for another kind of record."""
    body = record.body
    if not isinstance(body, decode.ExecBody):
        raise ValueError(f"a record of kind {record.kind.name} does not describe an image")
    head = record.head
    return Facts(
        pid=head.pid,
        start=head.start,
        time=head.time,
        comm=record.comm,
        filename=record.blob("filename"),
        exepath=record.blob("exe").removesuffix(DELETED),
        argv=tuple(record.strings("args")),
        env=tuple(record.strings("env")),
        cwd=record.blob("cwd"),
        flags=layout.Flag(head.flags),
        head=head,
        body=body,
        ancestors=record.ancestors,
    )


class Image:
    """time: of the exec, CLOCK_BOOTTIME ns. older: the image before it in the same process, if known.

    file: what `layout.HEAD` calls `image`, equal for all processes that run it; 0: not known.
    """

    __slots__ = ("_at", "_facts", "_generation", "_shelf", "_where", "file", "older", "time")

    def __init__(self, time: int, raw: bytes, shelf: Shelf, file: int = 0) -> None:
        self.time = time
        self.file = file
        self.older: Image | None = None
        self._shelf = shelf
        self._where: bytes | packing.Block = raw
        self._at = 0
        self._facts: Facts | None = None
        self._generation = shelf.generation
        shelf.add(self)

    @property
    def raw(self) -> bytes:
        """The exec record."""
        return self._where if isinstance(self._where, bytes) else self._where.at(self._at)

    @property
    def facts(self) -> Facts:
        if self._facts is None:
            self._facts = facts_of(decode.Record(self.raw))
            self._shelf.was_read(self)
        return self._facts

    def pack(self, block: packing.Block, at: int) -> None:
        self._where, self._at = block, at

    def forget_facts(self) -> None:
        self._facts = None

    def at(self, time: int) -> Image | None:
        """This image or the older one that was in force at `time`; None if all known ones are younger."""
        image: Image | None = self
        while image is not None and image.time > time:
            image = image.older
        return image

    def trim(self) -> None:
        """Cut the history behind this image to `HISTORY` images, none of which keeps an old block alive."""
        image: Image = self
        for _ in range(HISTORY - 1):
            if image.older is None or image.older.is_stale:
                break
            image = image.older
        image.older = None

    @property
    def is_stale(self) -> bool:
        """Lies in a block that the rest of its generation has left."""
        return self._generation < self._shelf.generation - 1

    def renew(self) -> None:
        """Move a stale image, and what history of it is not stale, to the current generation."""
        if not self.is_stale:
            return
        self._where, self._at, self._generation = self.raw, 0, self._shelf.generation
        self.trim()
        self._shelf.add(self)


class Shelf:
    """Where images keep their bytes: new ones as they came, older ones packed, few decoded.

    A block lives as long as one of its images. So that a few long-lived processes don't keep
    every block they were once packed into, images have a generation (of the process cache) and
    are packed anew when theirs is over. held: bytes packed in this generation.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.held = 0
        self._fresh: list[Image] = []
        self._fresh_bytes = 0
        self._read: deque[Image] = deque()

    def next_generation(self) -> None:
        self.generation += 1
        self.held = 0

    def add(self, image: Image) -> None:
        self._fresh.append(image)
        self._fresh_bytes += len(image.raw)
        if len(self._fresh) >= packing.BLOCK_RECORDS or self._fresh_bytes >= packing.BLOCK_BYTES:
            fresh, self._fresh, self._fresh_bytes = self._fresh, [], 0
            block = packing.Block([each.raw for each in fresh])
            self.held += len(block)
            for at, each in enumerate(fresh):
                each.pack(block, at)

    def was_read(self, image: Image) -> None:
        self._read.append(image)
        if len(self._read) > READ:
            self._read.popleft().forget_facts()

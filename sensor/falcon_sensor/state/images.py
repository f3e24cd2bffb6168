"""An image: what one successful exec put into a process.

Made from an exec record (of the kernel, or written by `procfs` about a process that was there
before us) and kept as that record's bytes until a field is asked for. Older images of the same
process hang behind it: a child forked before the last exec still runs the one before.
"""

from __future__ import annotations

from falcon_sensor.records import decode, layout
from falcon_sensor.state import packing

HISTORY = 8
"""Images kept per process. Wrapper scripts chain a handful of execs; children forked before those are rarer still."""


class Image:
    """time: of the exec, CLOCK_BOOTTIME ns. older: the image before it, if known."""

    __slots__ = ("_at", "_decoded", "_where", "older", "time")

    def __init__(self, time: int, raw: bytes, older: Image | None = None) -> None:
        self.time = time
        self.older = older
        self._where: bytes | packing.Block = raw
        self._at = 0
        self._decoded: decode.Record | None = None

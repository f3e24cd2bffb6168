"""Kernel time to wall clock time.

Records carry CLOCK_BOOTTIME (ns, goes on during suspend); people and Falco's fields want ns since
the epoch. The wall clock may be stepped while we run, so the distance between the two is measured
again when it is older than `REFRESH_NS`.
"""

from __future__ import annotations

import time

REFRESH_NS = 10_000_000_000
"""Ten seconds: a stepped clock shows in alerts soon, and the measurement costs nothing per event."""


def boot_offset() -> int:
    """Nanoseconds to add to CLOCK_BOOTTIME to get ns since the epoch, measured now."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return wall - (before + after) // 2


class Clock:
    """Converts times of records; keeps the measured distance for a while."""

    __slots__ = ("_measured", "_offset")

    def __init__(self) -> None:
        self._offset = boot_offset()
        self._measured = self.now()

    @staticmethod
    def now() -> int:
        """CLOCK_BOOTTIME now, ns."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wall(self, boottime: int) -> int:
        """Nanoseconds since the epoch of the instant `boottime` (CLOCK_BOOTTIME, ns)."""
        if self.now() - self._measured > REFRESH_NS:
            self._offset, self._measured = boot_offset(), self.now()
        return boottime + self._offset

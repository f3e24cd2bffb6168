"""From one generation's records to the next's: every event is reported once, by one of them.

Both generations' programs run at every event from the time the new ones are attached, one right
behind the other in the same call of the tracepoint, the older first. Each stamps its own record, so
at the time T of the switch one event of a task may *straddle*: the old record is before T and
counts, the new one is after T and would count again::

    task 7   old record  o1       o2 | T          o3 (after T: not counted)
             new record    n1        |  n2          n3
                                        straddles: the same event as o2, not counted; n3 counts

A task does nothing else between its two records of one event. So a new record n is the second half
of the old record o exactly if o is the task's last before T, n its first after T, and there is no
new record of that task between o and T. The rules differ, so either half may be missing; then o
and n are different events, which their content tells nearly always (a task that does the same
thing twice within that time, while the new filter wants it only once, cannot be: same content, same
filter).
"""

from __future__ import annotations

from falcon_sensor.records import decode, layout

OVERLAP_NS = 100_000_000
"""T lies so far ahead of the moment when the new programs are attached: calls that were under way then (an exec
takes some milliseconds, half of it before the record) have ended by T, so the new programs have seen all of it."""


class Handover:
    """What the consumer remembers between the beginning of a switch and its end.

    at: T, CLOCK_BOOTTIME in ns.
    """

    def __init__(self, at: int) -> None:
        self.at = at
        self._last_old: dict[int, decode.Record] = {}
        self._last_new: dict[int, int] = {}
        self._after: set[int] = set()

    def old(self, record: decode.Record) -> bool:
        """Takes note of a record of the old ring; whether it counts."""
        if record.head.time >= self.at:
            return False
        self._last_old[record.head.tid] = record
        return True

    def new(self, record: decode.Record) -> bool:
        """The same for the new ring. All old records must have been given before."""
        tid, time = record.head.tid, record.head.time
        if time < self.at:
            self._last_new[tid] = max(time, self._last_new.get(tid, 0))
            return False
        first = tid not in self._after
        self._after.add(tid)
        return not (first and self._straddles(record))

    def _straddles(self, record: decode.Record) -> bool:
        half = self._last_old.get(record.head.tid)
        if half is None or self._last_new.get(record.head.tid, 0) > half.head.time:
            return False
        return _content(half) == _content(record)


def _content(record: decode.Record) -> tuple[object, ...]:
    """What both halves of one event share: all but the time and the flag that says which filter wanted it.

    Not the bytes as they are: where a record has fewer ancestors than there is room for, the rest is whatever an
    earlier record left there.
    """
    flags = record.head.flags & ~int(layout.Flag.WANTED)
    blobs = [record.blob(blob.name) for blob in (*layout.COMMON_BLOBS, *layout.BLOBS[record.kind])]
    return (record.head._replace(time=0, flags=flags), record.ancestors, record.body, *blobs)

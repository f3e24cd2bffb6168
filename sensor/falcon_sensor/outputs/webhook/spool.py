"""Alerts wait on disk, so that neither a dead receiver nor a killed sensor loses one.

    spool/                      locked while a sensor uses it
      position                  segment and offset up to which the receiver has everything
      0000000000000007.alerts   being sent
      0000000000000008.alerts   being written; the next number begins when it is large enough

An alert is in the spool when `append` returns: written, which a killed sensor survives, and with
`fsync` on the disk, which a power failure survives too. The position is written after every answer
but not synced: after a power failure some alerts are sent twice, none is lost.

Beyond the bound on size the oldest segment goes as a whole; beyond the bound on age the oldest
alerts go one by one. Both are counted.
"""

from __future__ import annotations

import collections
import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence

from falcon_sensor.outputs import base
from falcon_sensor.outputs.webhook import buffer, framing, segments

_SEGMENTS = 16
"""A full spool has about so many segments: what the bound drops at once is that part of it."""
_LARGEST_SEGMENT = 4 << 20


class Spool:
    """One thread appends, another one takes off. Raises OSError and segments.InUse.

    clock: seconds since the epoch; the age of an alert must be right across restarts.
    """

    complete = False

    def __init__(
        self, directory: str, bounds: buffer.Bounds, *, fsync: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self.losses = buffer.Losses()
        self._bounds = bounds
        self._fsync = fsync
        self._clock = clock
        self._changed = threading.Condition()
        self._finished = False
        self._segment_bytes = max(1, min(_LARGEST_SEGMENT, bounds.size // _SEGMENTS))
        self._ahead: collections.deque[buffer.Line] = collections.deque()
        """Read already, not taken off yet."""
        self._fd = -1
        self._directory = segments.Directory(directory)
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    def append(self, alerts: Sequence[bytes]) -> None:
        data = b"".join(framing.framed(alert, self._clock()) for alert in alerts)
        with self._changed:
            if self._segments[-1].size >= self._segment_bytes:
                self._begin(self._segments[-1].number + 1)
            last = self._segments[-1]
            try:
                base.write_all(self._fd, data)
                if self._fsync:
                    os.fdatasync(self._fd)
            except OSError:
                # A full disk cuts a line somewhere; what follows later must not continue that line.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, last.size)
                raise
            last.size += len(data)
            last.alerts += len(alerts)
            self._keep_size()
            self._changed.notify_all()

    def head(self, most: int) -> list[buffer.Line]:
        """OSError when the disk cannot be read."""
        with self._changed:
            while True:
                self._fetch(most)
                if not self._ahead or self._clock() - self._ahead[0].at <= self._bounds.age:
                    return [self._ahead[index] for index in range(min(most, len(self._ahead)))]
                self.losses.too_old += 1
                self._take_off(self._ahead[0].place)

    def remove(self, through: buffer.Line) -> None:
        with self._changed:
            self._take_off(through.place)
            self._changed.notify_all()

    def wait(self, more_than: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._alerts() > more_than or self._finished, seconds)

    @property
    def waiting(self) -> buffer.Waiting:
        with self._changed:
            return buffer.Waiting(self._alerts(), sum(each.size for each in self._segments))

    def finish(self) -> None:
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1
            self._directory.close()

    def _alerts(self) -> int:
        return sum(each.alerts for each in self._segments)

    def _recover(self) -> None:
        """Finds what an earlier sensor left."""
        number, offset = self._directory.position()
        self._segments: collections.deque[segments.Segment] = collections.deque()
        self._next = (0, 0)
        """Where reading ahead goes on."""
        numbers = self._directory.numbers()
        last = max(numbers, default=0)
        if number > last:
            # The newest segment is never deleted, so this is damage: rather send twice than lose.
            number = offset = 0
        for each in numbers:
            size = self._directory.size(each)
            start = offset if each == number and offset <= size else 0
            alerts = 0
            if each >= number:
                alerts = sum(1 for _ in self._directory.lines(each, start, size))
            if not alerts:
                self._directory.delete(each)
                continue
            if not self._segments:
                self._next = (each, start)
            self._segments.append(segments.Segment(each, size, alerts))
        # Never to be continued: its last line may be torn.
        self._begin(last + 1)

    def _begin(self, number: int) -> None:
        fd = self._directory.create(number, sync=self._fsync)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._segments.append(segments.Segment(number))

    def _fetch(self, most: int) -> None:
        """Reads ahead until there are `most`, or all."""
        for segment in list(self._segments):
            number, offset = self._next
            if segment.number < number:
                continue
            start = offset if segment.number == number else 0
            if start >= segment.size or len(self._ahead) >= most:
                continue
            for end, line in self._directory.lines(segment.number, start, segment.size):
                self._next = (segment.number, end)
                if line is not None:
                    self._ahead.append(line)
                else:
                    self.losses.damaged += 1
                    segment.alerts -= 1
                if len(self._ahead) >= most:
                    break
        self._tidy()

    def _take_off(self, through: segments.Place) -> None:
        """Everything up to there is done with. What the bound on size has dropped meanwhile is gone already."""
        done: segments.Place | None = None
        while self._ahead and self._ahead[0].place <= through:
            done = self._ahead.popleft().place
            next(each for each in self._segments if each.number == done[0]).alerts -= 1
        if done is not None:
            self._directory.set_position(done)
        self._tidy()

    def _tidy(self) -> None:
        while len(self._segments) > 1 and self._segments[0].alerts <= 0:
            self._directory.delete(self._segments.popleft().number)

    def _keep_size(self) -> None:
        while len(self._segments) > 1 and sum(each.size for each in self._segments) > self._bounds.size:
            dropped = self._segments.popleft()
            self.losses.too_many += dropped.alerts
            while self._ahead and self._ahead[0].place[0] == dropped.number:
                self._ahead.popleft()
            self._next = max(self._next, (self._segments[0].number, 0))
            self._directory.delete(dropped.number)

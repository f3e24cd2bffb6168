"""Alerts wait in memory: without a spool directory. `append` returns when all have gone, so that
the bound is the one queue every output has, and what is lost there is counted and told there."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Sequence

from falcon_sensor.outputs.webhook import buffer


class Memory:
    """age: seconds after which an alert is not worth sending any more."""

    complete = True

    def __init__(self, age: float) -> None:
        self.losses = buffer.Losses()
        self._age = age
        self._lines: collections.deque[buffer.Line] = collections.deque()
        self._changed = threading.Condition()
        self._number = 0
        self._finished = False

    def append(self, alerts: Sequence[bytes]) -> None:
        now = time.time()
        with self._changed:
            for data in alerts:
                self._number += 1
                self._lines.append(buffer.Line(data, now, (0, self._number)))
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._lines)

    def head(self, most: int) -> list[buffer.Line]:
        with self._changed:
            while self._lines and time.time() - self._lines[0].at > self._age:
                self._lines.popleft()
                self.losses.too_old += 1
            if not self._lines:
                self._changed.notify_all()
            return [self._lines[index] for index in range(min(most, len(self._lines)))]

    def remove(self, through: buffer.Line) -> None:
        with self._changed:
            while self._lines and self._lines[0].place <= through.place:
                self._lines.popleft()
            self._changed.notify_all()

    def wait(self, more_than: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._lines) > more_than or self._finished, seconds)

    @property
    def waiting(self) -> buffer.Waiting:
        with self._changed:
            return buffer.Waiting(len(self._lines), sum(len(line.data) for line in self._lines))

    def finish(self) -> None:
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        pass

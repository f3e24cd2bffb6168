"""Alerts the receiver answered with "not like this, and never" are kept aside, so that people can look
why and send them again: ``{"refused": {...}, "alert": {...}}``, one a line."""

from __future__ import annotations

import json
import os

from falcon_rules import times
from falcon_sensor.outputs import base
from falcon_sensor.outputs.webhook import segments

FILENAME = "refused.ndjson"
_ANSWER_CHARACTERS = 500
"""Of the receiver's answer: the first sentences say what it did not like."""


class Refused:
    """A file of at most `limit` bytes and one older of the same size. limit 0 keeps nothing."""

    def __init__(self, directory: str, limit: int) -> None:
        self._name = os.path.join(directory, FILENAME)
        self._limit = limit

    def keep(self, alert: bytes, status: int, answer: bytes, at: float) -> None:
        """OSError when it cannot be written."""
        if not self._limit:
            return
        why = {
            "answer": answer.decode("utf-8", "replace")[:_ANSWER_CHARACTERS],
            "status": status,
            "time": times.rfc3339(int(at * 1e9)),
        }
        line = b'{"refused": %s, "alert": %s}\n' % (json.dumps(why).encode(), alert)
        fd = os.open(self._name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, segments.MODE)
        try:
            size = os.fstat(fd).st_size
            if size and size + len(line) > self._limit:
                os.rename(self._name, f"{self._name}.1")
                os.close(fd)
                fd = os.open(self._name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, segments.MODE)
            base.write_all(fd, line)
        finally:
            os.close(fd)

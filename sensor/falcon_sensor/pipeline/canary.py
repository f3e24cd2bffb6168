"""Whether the sensor still sees: acts of its own go out, and each must come back as a record.

    watch's thread: act(7) -> kernel: hook, filter, ring -> consumer's thread: returned(7)

What comes back has passed everything an attacker's deed has to pass up to the evaluation. Where some
rule wants opened files the act is an open that fails (`records.canary`), 3 us every two seconds;
where only programs are watched it is a program that does nothing, told from others by a random word
that is good for one record, and so rarer.

A record of the ring has all earlier ones in front of it. So if something later than an act has been
read and the act itself has not, it will not come any more: that is blindness, and no lag.
"""

from __future__ import annotations

import collections
import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from falcon_sensor.records import canary, decode

BOUND_SECONDS: Final = 10.0
"""An act that has not come back by then is missed. On an idle machine it takes 0.1 ms; a machine at its limit may
leave us without a processor for seconds."""

_MOST: Final = 64
"""Acts remembered that have not come back."""


class How(Enum):
    """The value: seconds from act to act."""

    OPEN = 2.0
    EXEC = 10.0


class Act(NamedTuple):
    """number: counted from 1. time: CLOCK_BOOTTIME, ns, as in records. began: time.monotonic."""

    number: int
    time: int
    began: float


class Canary:
    """`tend` belongs to one thread, `returned` and `is_answer` to the consumer's; the rest may be read by anybody.

    act: what makes the open, for tests.
    """

    def __init__(self, act: Callable[[int], None] = canary.act) -> None:
        self.answered = 0
        """Acts that came back."""
        self.latency = 0.0
        """Seconds from the last of them to its being read."""
        self._act = act
        self._number = 0
        self._missing: collections.deque[Act] = collections.deque(maxlen=_MOST)
        self._next = 0.0
        self._expected: tuple[int, bytes] | None = None
        self._child = 0

    def tend(self, how: How, now: float) -> None:
        """Acts when it is time to. now: time.monotonic."""
        self._reap()
        if now < self._next:
            return
        self._next = now + how.value
        self._number += 1
        self._missing.append(Act(self._number, time.clock_gettime_ns(time.CLOCK_BOOTTIME), now))
        if how is How.OPEN:
            self._act(self._number)
        else:
            self._spawn(self._number)

    def forget(self) -> None:
        """What has not come back is not waited for any longer: other programs are at work, or we were stopped."""
        self._missing.clear()
        self._next = 0.0

    def oldest(self) -> Act | None:
        """The first act that has not come back."""
        with contextlib.suppress(IndexError):
            return self._missing[0]
        return None

    def returned(self, record: decode.Record) -> None:
        """The record of an open. Whatever it says, it is one of ours."""
        self._note(canary.number_in(record.blob("name")), record.head.time)

    def is_answer(self, record: decode.Record) -> bool:
        """Whether this program's start is the one that is waited for."""
        expected = self._expected
        if expected is None or record.blob("args") != expected[1]:
            return False
        self._expected = None
        self._note(expected[0], record.head.time)
        return True

    def close(self) -> None:
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0

    def _note(self, number: int, at: int) -> None:
        self.latency = max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - at) / 1e9
        self.answered += 1
        with contextlib.suppress(IndexError):
            # An earlier one that was lost is not missed once a later one has come.
            while self._missing[0].number <= number:
                self._missing.popleft()

    def _spawn(self, number: int) -> None:
        if self._child:  # somebody holds it; it will be missed
            return
        word = secrets.token_hex(16)
        program = shutil.which("true") or sys.executable
        arguments = ["falcon-canary", word] if program != sys.executable else ["falcon-canary", "-c", f"#{word}"]
        self._expected = (number, b"".join(each.encode() + b"\0" for each in arguments))
        with contextlib.suppress(OSError):
            self._child = os.posix_spawn(program, arguments, {})

    def _reap(self) -> None:
        if self._child and os.waitpid(self._child, os.WNOHANG)[0]:
            self._child = 0

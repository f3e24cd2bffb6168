"""One set of rules at work: the programs in the kernel that select events for them, the ring those
programs fill, and the engine that evaluates what comes.

Rules are exchanged without a gap by running two generations side by side: the new programs are
attached while the old ones still run, then a time T is taken. Records of the old ring count
before T, those of the new ring from T on (see `handover`)::

    old programs   -----------------------------|     ring drained; detached and closed, which may take seconds
    new programs               |------------------------------------------------>
                           attached     T
                                        ^ old ring counts up to here, new ring from here
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from falcon_sensor import alerts
from falcon_sensor.records import decode


class Ring(Protocol):
    """What the consumer needs of `kernel.ring`."""

    def records(self) -> Iterator[bytes]:
        """Takes the records that wait now, oldest first."""

    @property
    def backlog(self) -> int:
        """Bytes that have not been taken."""


class Engine(Protocol):
    """What the consumer needs of `engine`."""

    def evaluate(self, record: decode.Record) -> Sequence[alerts.Alert]: ...


@dataclass(frozen=True, slots=True)
class Generation:
    """descriptor: the ring's, readable while records wait."""

    ring: Ring
    descriptor: int
    engine: Engine

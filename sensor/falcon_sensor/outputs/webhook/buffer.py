"""What lies between the output's thread and the courier: where alerts wait for the receiver.

Two kinds: `spool.Spool` on disk, which outlives the sensor, and `memory.Memory` for those who gave
no directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Line:
    """One alert as it waits. data: its JSON without line end. at: when it came, seconds since the epoch.
    place: where the buffer has it; later ones are greater."""

    data: bytes
    at: float
    place: tuple[int, int]


@dataclass(slots=True)
class Losses:
    """Alerts given up before the receiver had them, and why."""

    too_many: int = 0
    too_old: int = 0
    damaged: int = 0

    @property
    def total(self) -> int:
        return self.too_many + self.too_old + self.damaged


@dataclass(frozen=True, slots=True)
class Bounds:
    """size: bytes. age: seconds. What is beyond is dropped, the oldest first."""

    size: int
    age: float


@dataclass(slots=True)
class Waiting:
    """How much there is."""

    alerts: int = 0
    size: int = 0


class Buffer(Protocol):
    losses: Losses

    def append(self, alerts: Sequence[bytes]) -> None:
        """Takes alerts, as JSON without line ends. OSError: none of them was taken."""

    def head(self, most: int) -> list[Line]:
        """The oldest alerts, up to `most`, none when there are none. They stay until they are taken off."""

    def remove(self, through: Line) -> None:
        """The receiver has everything up to this one."""

    def wait(self, more_than: int, seconds: float) -> None:
        """Until there are more than `more_than` alerts, `seconds` are over, or the end has come."""

    @property
    def waiting(self) -> Waiting: ...

    @property
    def complete(self) -> bool:
        """Waiting for further alerts before the first have gone is in vain."""

    def finish(self) -> None:
        """Nothing will be appended any more."""

    def close(self) -> None:
        """After the last use."""


@dataclass(slots=True)
class Counters:
    """What has become of alerts, and of attempts. refused: alerts the receiver does not want."""

    sent: int = 0
    refused: int = 0
    requests: int = 0
    retries: int = 0

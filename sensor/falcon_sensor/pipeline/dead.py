"""Outputs that do not get rid of their alerts, told by the others.

Seen from outside, by numbers every output has: something waits or is lost, and for `BOUND_SECONDS`
nothing has gone out. So it is all the same whether a disk is full, a receiver refuses, or a write hangs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

BOUND_SECONDS: Final = 60.0
"""A receiver that is started anew is back by then, and a webhook tries again every half minute at least."""

_WAITING: Final = ("waiting",)
_PASSED: Final = ("sent", "created", "updated")
"""What sinks that keep alerts themselves measure, see `outputs.base.Measured`."""


class Sink(Protocol):
    name: str


class Output(Protocol):
    """What is needed of `outputs.base.Output`."""

    lost: int
    delivered: int
    gone: bool

    @property
    def sink(self) -> Sink: ...

    @property
    def waiting(self) -> int: ...

    def own(self) -> Mapping[str, int]: ...


class State(NamedTuple):
    """name: the output's. dead: for how many seconds, None for alive. waiting, lost: alerts, lost since it died."""

    name: str
    dead: float | None
    waiting: int
    lost: int


class _Seen(NamedTuple):
    """The last time something went out, or nothing was to go out."""

    at: float
    passed: int
    lost: int


class Watch:
    """Ask it every few seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(self, output: Output, now: float) -> State:
        """now: time.monotonic."""
        own, name = output.own(), output.sink.name
        keeps = any(key in own for key in _PASSED)
        passed = sum(own.get(key, 0) for key in _PASSED) if keeps else output.delivered
        waiting = output.waiting + sum(own.get(key, 0) for key in _WAITING)
        seen = self._seen.get(name)
        lost = output.lost - seen.lost if seen is not None else 0
        if seen is None or passed != seen.passed or not (waiting or lost or output.gone):
            seen = self._seen[name] = _Seen(now, passed, output.lost)
            lost = 0
        silent = now - seen.at
        return State(name, silent if silent >= BOUND_SECONDS else None, waiting, lost)

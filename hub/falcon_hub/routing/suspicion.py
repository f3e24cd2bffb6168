"""Is the receiver down, or is it this one message that it cannot bear? Pure; time is an argument.

    front fails, for a minute -> another is sent before its turn -> fails too: the receiver is down, and is waited for
                                                                 -> goes through -> front, at once -> goes through: fine
                                                                                                   -> fails: dead letter

So nothing is given up unless the receiver took something else in between, whatever its answers say, and nothing that
only has to wait overtakes anything. Where nothing else waits, nothing is held up either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from falcon_hub.sinks import options

LEAST_ATTEMPTS: Final = 5
"""Before a message is suspected: a receiver that fails now and then is not asked for more than it can do."""
LEAST_WARY: Final = 2
"""The same soon after another was found at fault: whoever can make one such alert can make many."""
_WARY_SECONDS: Final = 3600.0
_AT_ONCE: Final = 5
"""Others that are tried after one attempt at the message in front: alike ones come together."""


class Suspicion:
    """About the message in front of one sink."""

    def __init__(self, wanted: options.Retry) -> None:
        self._seconds = wanted.set_aside_seconds
        self._wary_until = 0.0
        self._at = 0
        self._proved = False

    def falls_on(self, attempts: int, seconds: float, now: float) -> bool:
        """Whether to try another. attempts, seconds: how often and for how long the one in front has failed."""
        if not self._seconds:
            return False
        if now < self._wary_until:
            return attempts >= LEAST_WARY
        return attempts >= LEAST_ATTEMPTS and seconds >= self._seconds

    def others(self, count: int) -> Iterator[int]:
        """Which of the `count` behind it (0: the next) to try now, until one goes through. One after the other, so that
        what overtakes only overtakes what failed, and the rest keeps its order."""
        for _ in range(min(_AT_ONCE, count)):
            self._at %= count
            yield self._at
            self._at += 1

    def went_through(self) -> None:
        """The one that `others` gave last did: if the one in front fails once more, it is at fault."""
        self._proved = True

    @property
    def proved(self) -> bool:
        return self._proved

    def found(self, now: float) -> None:
        """The one in front was at fault, and the next takes its place. Others that failed are known to it."""
        self._wary_until = now + _WARY_SECONDS
        self._at, self._proved = max(0, self._at - 1), False

    def next(self) -> None:
        """Another message is in front."""
        self._at, self._proved = 0, False

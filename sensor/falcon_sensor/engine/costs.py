"""What each rule costs, from samples: measuring every evaluation would cost more than many a rule.

All rules of an event type are one function, in which nobody can say whose the time is. So of one
record in N, after it was judged as always, a few candidate rules drawn at random are judged once more,
each alone and timed. A rule's seconds are the sum of its times, each weighted by one over the
chance that just it was measured: unbiased, and steady after some thousand records. They are what the
rule's condition would take by itself; a field that several rules read is read once in truth, but
counted for each.

N follows from what samples turn out to cost, so that they take `SHARE` of the time of evaluation.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

SHARE: Final = 0.005
RULES: Final = 4
"""Judged in one sample. Rules are compiled for it when first drawn, a millisecond each, in which records wait."""
KEPT: Final = 128
"""Compiled rules kept, 8 KB each. Compiling so many is the price of the start; what more there are is compiled again
and again, counts like the rest of a sample, and so makes samples rare."""
FIRST: Final = 50
"""Records before the first sample, and the shortest interval."""
LONGEST: Final = 100_000

_WEIGHT: Final = 0.2
"""Of the newest in the running means."""

Predicate = Callable[[Any], object]


class Costs:
    """Used by one thread; `seconds` may be read by others.

    compile: the condition of the rule with this index as a function of an event; raises what it likes. clock:
    nanoseconds of this thread's processor time.
    """

    def __init__(
        self,
        compile: Callable[[int], Predicate],
        seed: int | None = None,
        clock: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.seconds: dict[int, float] = {}
        """By the rule's index."""
        self.samples = 0
        self._compile = compile
        self._clock = clock
        self._random = random.Random(seed)
        self._predicates: dict[int, Predicate] = {}
        self._interval = FIRST
        self._judging = self._sampling = 0.0
        self._compiled = self._compiling = 0
        # Taking the time takes time itself, about as much as a small rule.
        self._clock_itself = min(self._taken(lambda: None) for _ in range(20))
        self.wait = self._drawn()
        """Records until the next sample; counted down by the owner."""

    def sample(
        self, judged: Callable[[], Any], candidates: Callable[[], Sequence[int]], event: Callable[[], Any]
    ) -> Any:
        """Judges a record and measures. judged: as always; its result is returned. candidates: indexes of the rules
        that are tried on it. event: another event of the same record, nothing of which has been asked yet."""
        begin = self._clock()
        result = judged()
        middle = self._clock()
        every = candidates()
        drawn = self._random.sample(every, min(RULES, len(every)))
        free = self._compiling
        for index in drawn:
            predicate = self._predicate(index)
            if predicate is not None:
                taken = self._taken(predicate, event()) - self._clock_itself
                weight = self._interval * len(every) / len(drawn)
                self.seconds[index] = self.seconds.get(index, 0.0) + max(0, taken) * weight / 1e9
        self.samples += 1
        self._judging = _mean(self._judging, middle - begin)
        self._sampling = _mean(self._sampling, self._clock() - middle - (self._compiling - free))
        self.wait = self._drawn()
        return result

    def _drawn(self) -> int:
        """At random around the interval, so that no rhythm of events makes a rule look cheap."""
        if self._judging:
            self._interval = int(min(LONGEST, max(FIRST, self._sampling / (SHARE * self._judging))))
        return self._random.randrange(1, 2 * self._interval)

    def _taken(self, action: Callable[..., object], *arguments: Any) -> int:
        begin = self._clock()
        try:
            action(*arguments)
        except Exception:  # told where the record is judged
            return 0
        return self._clock() - begin

    def _predicate(self, index: int) -> Predicate | None:
        found = self._predicates.get(index)
        if found is None:
            begin = self._clock()
            try:
                found = self._compile(index)
            except Exception:
                return None
            self._compiled += 1
            if self._compiled <= KEPT:
                self._compiling += self._clock() - begin
            if len(self._predicates) >= KEPT:
                del self._predicates[self._random.choice(list(self._predicates))]
            self._predicates[index] = found
        return found


def _mean(before: float, newest: int) -> float:
    return newest if not before else before + _WEIGHT * (newest - before)

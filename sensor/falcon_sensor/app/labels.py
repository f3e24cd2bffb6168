"""Which rules metrics tell apart: a label for each rule must not become a label for every rule there ever was.

Rules come and go, and a cluster may have thousands of them on a node, where each makes five time
series. The first `MOST` rules that had something to count keep a label of their own for good, so
that no series ever ends and begins again; what the others count is summed up as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

MOST: Final = 1000
OTHERS: Final = "(others)"

Number = TypeVar("Number", int, float)


class Labels:
    """Of one sensor. `admit` first, then `shown`."""

    def __init__(self) -> None:
        self._own: set[str] = set()
        self._zeros: set[str] = set()

    def admit(self, counted: Iterable[Mapping[str, float]], running: Iterable[str]) -> None:
        """counted: by rule name. running: rules that are in force; shown while there is room even if they count 0."""
        for each in counted:
            for name, value in each.items():
                if value and len(self._own) < MOST:
                    self._own.add(name)
        self._zeros = set(list(running)[: max(0, MOST - len(self._own))])

    def shown(self, values: Mapping[str, Number]) -> dict[str, Number]:
        """The same numbers by label."""
        found: dict[str, Number] = {}
        for name, value in values.items():
            if name in self._own or name in self._zeros:
                found[name] = value
            elif value:
                found[OTHERS] = found.get(OTHERS, type(value)(0)) + value
        return found

    def told(self, by_both: Counter[tuple[str, int]]) -> Counter[tuple[str, int]]:
        """The same for alerts by rule and priority."""
        found: Counter[tuple[str, int]] = Counter()
        for (rule, priority), count in by_both.items():
            found[rule if rule in self._own else OTHERS, priority] += count
        return found

"""A bounded cache that forgets what was not used lately.

Two dictionaries instead of a linked list: new and used entries live in the young one; when that
holds half the bound, it becomes the old one and what the old one still held is forgotten. An entry
is thus dropped after between half and the whole bound of other entries was used, at the price of
one dictionary operation per hit and no memory per entry beyond the dictionary's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """At most `bound` entries.

    keep: called with the old generation when it would be forgotten; the entries it yields survive
    into the new young one, at most a quarter of the bound.
    """

    __slots__ = ("_half", "_keep", "_old", "_young")

    def __init__(self, bound: int, keep: Callable[[dict[K, V]], Iterator[tuple[K, V]]] | None = None) -> None:
        self._half = max(bound // 2, 1)
        self._keep = keep
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        """The entry, which then counts as used; None when there is none."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= self._half and key not in self._young:
            self.turn()
        self._young[key] = value
        self._old.pop(key, None)

    def discard(self, key: K) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def turn(self) -> None:
        """Forget the old generation; the young one becomes it."""
        forgotten, self._old, self._young = self._old, self._young, {}
        if self._keep is None:
            return
        for (key, value), _ in zip(self._keep(forgotten), range(self._half // 2), strict=False):
            self._young[key] = value

    def values(self) -> Iterator[V]:
        yield from self._young.values()
        yield from self._old.values()

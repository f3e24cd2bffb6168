"""Alerts that are sent before their turn (why: `suspicion`), so that they are not sent again when it comes.

Known until the hub ends. What overtook, and was not reached by the cursor before, is then sent twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from falcon_hub.routing import delivery
from falcon_hub.store import records

_LOOKED_AT: Final = 500
"""Alerts behind the one in front among which another is chosen."""


class Overtaking:
    """`delivery.Others` for one sink. after: reads the store. is_for: whether an alert would be sent by itself."""

    def __init__(
        self,
        after: Callable[[int, int], Awaitable[Sequence[records.Stored]]],
        is_for: Callable[[records.Stored], bool],
        parcel: Callable[[records.Stored], delivery.Parcel],
    ) -> None:
        self._after, self._is_for, self._parcel = after, is_for, parcel
        self._sent: set[int] = set()
        self._behind = 0
        self._found: list[records.Stored] = []

    def behind(self, seq: int) -> Overtaking:
        """Itself, choosing among alerts with greater numbers from now on."""
        self._behind = seq
        return self

    async def look(self) -> int:
        there = await self._after(self._behind, _LOOKED_AT)
        self._found = [each for each in there if each.seq not in self._sent and self._is_for(each)]
        return len(self._found)

    def parcel(self, nth: int) -> delivery.Parcel:
        return self._parcel(self._found[nth])

    def delivered(self, parcel: delivery.Parcel) -> None:
        self._sent.update(parcel.seqs)

    def took_place(self, seq: int) -> bool:
        """Its turn comes: whether it was sent already."""
        if seq in self._sent:
            self._sent.remove(seq)
            return True
        return False

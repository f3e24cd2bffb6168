"""What has been written into a socket or pipe and may not have been read yet.

The kernel knows how much of it the other side still has to take (SIOCOUTQ, FIONREAD). When that
side dies, everything that was not taken whole is written again, to its successor.

    written   |--alert 1--|--alert 2--|--alert 3--|
    unread                       <---------------->     alerts 2 and 3 are written again
"""

from __future__ import annotations

import collections


class Unconfirmed:
    """Keeps what is added until it is known to have been read."""

    def __init__(self) -> None:
        self._kept: collections.deque[tuple[int, bytes]] = collections.deque()
        self._written = self._read = 0

    def add(self, data: bytes, size: int) -> None:
        """It has been written whole, as `size` bytes (framing included)."""
        self._written += size
        self._kept.append((self._written, data))

    def settle(self, unread: int) -> None:
        """unread: how many of the bytes written so far the other side has yet to take."""
        self._read = max(self._read, self._written - unread)
        while self._kept and self._kept[0][0] <= self._read:
            self._kept.popleft()

    def take(self) -> list[bytes]:
        """What must be written again; forgets it."""
        found = [data for _, data in self._kept]
        self._kept.clear()
        self._written = self._read = 0
        return found

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes that have not been read for certain."""
        return self._written - self._read

"""Many exec records in little memory.

Records of 1 to 3 KiB, most of it environments that hardly differ, would make 30 MiB of ten
thousand processes. So they are deflated, 64 at a time: deflate's window then sees the neighbours'
environments and leaves some 150 bytes of each. Reading one back inflates its whole block, which is
why the last block read is remembered (a chain of ancestors often lies in one).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

BLOCK_RECORDS = 64
BLOCK_BYTES = 256 << 10
"""A block is closed at either bound. The second keeps inflating one below a millisecond."""

LEVEL = 1
"""Fastest; the redundancy is in long repeats, which every level finds."""


class Block:
    """Some records, deflated; each is read back by its index."""

    __slots__ = ("_ends", "_packed")

    _last: tuple[Block, bytes] | None = None

    def __init__(self, records: Sequence[bytes]) -> None:
        self._packed = zlib.compress(b"".join(records), LEVEL)
        ends = [0]
        for record in records:
            ends.append(ends[-1] + len(record))
        self._ends = tuple(ends)

    def __len__(self) -> int:
        """Bytes held."""
        return len(self._packed)

    def at(self, index: int) -> bytes:
        last = Block._last
        if last is None or last[0] is not self:
            Block._last = last = (self, zlib.decompress(self._packed))
        return last[1][self._ends[index] : self._ends[index + 1]]

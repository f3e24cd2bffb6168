"""Looks through a program's instructions for something that only newer kernels load.

Kernels up to 6.12 at least read a program's context only at constant places from where it begins. Whether clang makes
something else of a C text is its own affair, and the kernel that tests run on may not mind.
"""

from __future__ import annotations

import struct

_ALU, _ALU64, _JUMPS, _STORES = 4, 7, (5, 6), (2, 3)
_MOVE, _COPY = 0xB0, 0xBF
_GOTO, _CALL, _EXIT, _WIDE = 0x05, 0x85, 0x95, 0x18
_CONTEXT = 1
"""The register it comes in."""


def computed(code: bytes) -> list[int]:
    """Numbers of the instructions that compute with the context's address. What was put on the stack meanwhile is not
    followed."""
    instructions = list(struct.iter_unpack("<BBhi", code))
    known: dict[int, frozenset[int]] = {}
    waiting = [(0, frozenset([_CONTEXT]))]
    found = set()
    while waiting:
        number, holding = waiting.pop()
        before = known.get(number)
        after = holding if before is None else before & holding
        if after == before:
            continue
        known[number] = after
        operation, registers, offset, _ = instructions[number]
        to, source, kind = registers & 15, registers >> 4, operation & 7
        following = [number + 1]
        if kind in (_ALU, _ALU64) and operation & 0xF0 != _MOVE and to in after:
            found.add(number)
        if operation == _COPY and source in after:
            after |= {to}
        elif operation == _CALL:
            after -= set(range(6))
        elif kind not in (*_JUMPS, *_STORES):
            after -= {to}
        if operation == _WIDE:
            following = [number + 2]
        elif operation == _EXIT:
            following = []
        elif operation == _GOTO:
            following = [number + 1 + offset]
        elif kind in _JUMPS and operation != _CALL:
            following.append(number + 1 + offset)
        waiting += [(each, after) for each in following]
    return sorted(found)

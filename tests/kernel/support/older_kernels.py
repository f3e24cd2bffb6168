"""Looks through a program's instructions for what only newer kernels load. Whether clang makes such a thing of a C text
is its own affair, and the kernel that tests run on may not mind."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ALU, _ALU64, _JUMPS, _STORES = 4, 7, (5, 6), (2, 3)
_MOVE, _COPY = 0xB0, 0xBF
_GOTO, _CALL, _EXIT, _WIDE = 0x05, 0x85, 0x95, 0x18
_CONTEXT = 1
"""The register it comes in."""


Instruction = tuple[int, int, int, int]
"""Operation code, registers, offset, immediate operand."""


def computed(code: bytes) -> list[int]:
    """Numbers of the instructions that compute with the context's address: 6.1 and 6.12 let a context be read only at
    constant places from where it begins. What was put on the stack meanwhile is not followed."""
    instructions = _instructions(code)
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
        operation, registers, _, _ = instructions[number]
        to, source, kind = registers & 15, registers >> 4, operation & 7
        if kind in (_ALU, _ALU64) and operation & 0xF0 != _MOVE and to in after:
            found.add(number)
        if operation == _COPY and source in after:
            after |= {to}
        elif operation == _CALL:
            after -= set(range(6))
        elif kind not in (*_JUMPS, *_STORES):
            after -= {to}
        waiting += [(following, after) for following, _ in _following(number, instructions[number])]
    return sorted(found)


def falling_back(code: bytes) -> list[int]:
    """Numbers of the instructions that end a loop by standing right before its beginning: 6.1 wants a jump there."""
    instructions = _instructions(code)
    on_path, done, found = {0}, set[int](), []
    path = [(0, _following(0, instructions[0]))]
    while path:
        number, rest = path[-1]
        for following, jumps in rest:
            if following in on_path and not jumps:
                found.append(number)
            elif following not in on_path and following not in done:
                on_path.add(following)
                path.append((following, _following(following, instructions[following])))
                break
        else:
            on_path.remove(number)
            done.add(number)
            path.pop()
    return found


def _instructions(code: bytes) -> list[Instruction]:
    return list(struct.iter_unpack("<BBhi", code))


def _following(number: int, instruction: Instruction) -> Iterator[tuple[int, bool]]:
    """Where it goes on, and whether it is an instruction that can go anywhere."""
    operation, _, offset, _ = instruction
    jumps = operation & 7 in _JUMPS and operation != _CALL
    if operation == _EXIT:
        return
    if operation == _WIDE:
        yield number + 2, False
    elif operation != _GOTO:
        yield number + 1, jumps
    if jumps:
        yield number + 1 + offset, True

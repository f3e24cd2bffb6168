"""Compiled programs as plain data: what the compiler made, before the kernel has seen any of it.

Between the compiler and the kernel stands this form, and not the compiler's own, so that programs can be kept on
disk (`objectcache`) and loaded later without the compiler. Instructions that name a map hold no descriptor here,
which would be another one in the next process, but stand in a list beside the code:

    code        ... | 18 11 00 00 [0 0 0 0] | ...        load the map's address; the operand is filled in when loading
    references  ((n, "ev_ring"), ...)                    n: the instruction's number
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

INSTRUCTION = 8
"""Bytes of an instruction; its immediate operand is the last four."""
_LOAD_MAP = (0x18, 1)
"""Operation code, and the source register that says the operand is a map's descriptor."""


@dataclass(frozen=True, slots=True)
class MapShape:
    """What the kernel wants to know of a map; `type` as in `enum bpf_map_type`."""

    type: int
    key_size: int
    value_size: int
    entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class Function:
    """references: (number of the instruction, name of the map)."""

    code: bytes
    references: tuple[tuple[int, str], ...]

    def linked(self, descriptors: Mapping[str, int]) -> bytes:
        """The code with the maps' descriptors filled in."""
        code = bytearray(self.code)
        for number, name in self.references:
            at = number * INSTRUCTION + 4
            code[at : at + 4] = descriptors[name].to_bytes(4, "little")
        return bytes(code)


def unlinked(code: bytes, names: Mapping[int, str]) -> Function:
    """The other way round. names: of maps, by descriptor."""
    plain, references = bytearray(code), []
    number = 0
    while number * INSTRUCTION < len(code):
        at = number * INSTRUCTION
        if code[at] == _LOAD_MAP[0]:
            if code[at + 1] >> 4 == _LOAD_MAP[1]:
                references.append((number, names[int.from_bytes(code[at + 4 : at + 8], "little")]))
                plain[at + 4 : at + 8] = bytes(4)
            number += 1  # such an instruction takes two places
        number += 1
    return Function(bytes(plain), tuple(references))


@dataclass(frozen=True, slots=True)
class Object:
    """Everything a C text became, or a part of one. By name, in the compiler's order."""

    maps: dict[str, MapShape]
    functions: dict[str, Function]

    def to_bytes(self) -> bytes:
        """A line of JSON that says how long each function is, then their code one behind the other."""
        maps = {name: [s.type, s.key_size, s.value_size, s.entries, s.flags] for name, s in self.maps.items()}
        functions = {name: [len(each.code), each.references] for name, each in self.functions.items()}
        head = json.dumps({"maps": maps, "functions": functions}, separators=(",", ":")).encode()
        return head + b"\n" + b"".join(each.code for each in self.functions.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> Object:
        """Raises ValueError, TypeError or KeyError for what `to_bytes` did not give."""
        line, _, rest = data.partition(b"\n")
        head = json.loads(line)
        functions, at = {}, 0
        for name, (length, references) in head["functions"].items():
            pairs = tuple((int(number), str(to)) for number, to in references)
            functions[name] = Function(rest[at : at + length], pairs)
            at += length
        if at != len(rest):
            raise ValueError("the code has another length than is written before it")
        return cls({name: MapShape(*shape) for name, shape in head["maps"].items()}, functions)


def joined(parts: Iterable[Object]) -> Object:
    """The parts as one. Raises ValueError if two have different maps of one name."""
    whole = Object({}, {})
    for part in parts:
        for name, shape in part.maps.items():
            if whole.maps.setdefault(name, shape) != shape:
                raise ValueError(f"{name} is {shape} here and {whole.maps[name]} there")
        whole.functions.update(part.functions)
    return whole

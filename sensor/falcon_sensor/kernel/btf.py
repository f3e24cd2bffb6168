"""Where members of kernel structures lie, read from the running kernel's own type information.

The programs are compiled without kernel headers, so that one image fits every kernel: offsets
come from /sys/kernel/btf/vmlinux and go into the C text as macros (see `offsets`). A library
that parses all of BTF builds objects for more than a hundred thousand types; this reader walks
the type section once, remembers where each type starts, and decodes only the dozen it is asked for.

The format: Documentation/bpf/btf.rst in the kernel's source.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VMLINUX = Path("/sys/kernel/btf/vmlinux")

_MAGIC = 0xEB9F

_PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = 2, 3, 4, 5, 6, 8, 9, 10, 11
_FUNC, _FUNC_PROTO, _TYPE_TAG, _ENUM64 = 12, 13, 18, 19

# Words that follow a type's three common ones: a fixed number for some kinds, or so many per member.
_FIXED_WORDS = {1: 1, _ARRAY: 3, 14: 1, 17: 1}
_WORDS_PER_MEMBER = {_STRUCT: 3, _UNION: 3, _ENUM: 2, _FUNC_PROTO: 2, 15: 3, _ENUM64: 3}
_TRANSPARENT = (_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG)


class BtfError(Exception):
    """The kernel's type information is absent, unreadable or lacks what we need; the text is for people."""


class _Found(NamedTuple):
    bit: int
    type: int


class Btf:
    """One kernel's types. Offsets and sizes are in bytes."""

    def __init__(self, data: bytes) -> None:
        try:
            magic, _, _, header, type_start, type_size, string_start, string_size = struct.unpack_from(
                "<HBBIIIII", data
            )
        except struct.error:
            raise BtfError("the kernel's type information is cut short") from None
        if magic != _MAGIC:
            raise BtfError("the kernel's type information has an unknown format")
        self._strings = data[header + string_start : header + string_start + string_size]
        self._words = memoryview(data)[header + type_start : header + type_start + type_size].cast("I")
        self._starts = self._index()
        self._by_name: dict[tuple[str, tuple[int, ...]], int | None] = {}

    @classmethod
    def load(cls, path: Path = VMLINUX) -> Btf:
        try:
            return cls(path.read_bytes())
        except FileNotFoundError:
            raise BtfError(
                f"{path} does not exist: this kernel was built without CONFIG_DEBUG_INFO_BTF, "
                "which Falcon needs to find its way in kernel structures"
            ) from None
        except OSError as error:
            raise BtfError(f"cannot read {path}: {error.strerror}") from None

    def offset(self, *paths: str) -> int:
        """The first of `paths` that exists, each `struct.member.member`; anonymous members are looked through.

        Raises BtfError that names what was looked for when none exists.
        """
        return self.bit(*paths) // 8

    def bit(self, *paths: str) -> int:
        """The same in bits: of bit fields the lowest one."""
        for path in paths:
            found = self._walk(path)
            if found is not None:
                return found.bit
        raise BtfError(f"this kernel's type information has no {' or '.join(paths)}")

    def has(self, path: str) -> bool:
        """Whether `struct.member...` (or just a struct) exists."""
        return self._walk(path) is not None

    def size(self, name: str) -> int:
        """Size of `struct name`. Raises BtfError when there is none."""
        type_id = self._named(name, (_STRUCT, _UNION))
        if type_id is None:
            raise BtfError(f"this kernel's type information has no struct {name}")
        return self._words[self._starts[type_id] + 2]

    def functions(self, prefixes: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """Type ids of the functions whose names begin with one of these, and of their prototypes, by name. Prototypes
        are others already if their parameters have other names."""
        words, strings = self._words, self._strings
        starts = tuple(prefix.encode() for prefix in prefixes)
        return {
            self._string(words[start]): (type_id, words[start + 2])
            for type_id, start in enumerate(self._starts)
            if words[start + 1] >> 24 & 0x1F == _FUNC and strings.startswith(starts, words[start])
        }

    def constant(self, name: str) -> int | None:
        """An enumerator's value, whatever enum it is in; None when there is none."""
        wanted = self._string_offset(name)
        if wanted is None:
            return None
        for start in self._starts:
            kind, count = self._kind(start)
            if kind in (_ENUM, _ENUM64):
                width = _WORDS_PER_MEMBER[kind]
                for member in range(start + 3, start + 3 + width * count, width):
                    if self._words[member] == wanted:
                        return self._words[member + 1]
        return None

    def tracepoint(self, name: str) -> list[str] | None:
        """Parameters of a tracepoint, each the name of the struct it points to or ""; None: no such tracepoint."""
        type_id = self._named(f"btf_trace_{name}", (_TYPEDEF,))
        if type_id is None:
            return None
        proto = self._starts[self._resolve(self._words[self._starts[self._resolve(type_id)] + 2])]
        kind, count = self._kind(proto)
        if kind != _FUNC_PROTO:
            return None
        # The first parameter is the private pointer of whoever attached.
        return [self._pointee(self._words[proto + 3 + 2 * i + 1]) for i in range(1, count)]

    def _index(self) -> list[int]:
        """Word index of each type, by type id; id 0 is void."""
        words, fixed, per_member = self._words, _FIXED_WORDS, _WORDS_PER_MEMBER
        starts, position, end = [0], 0, len(words)
        while position < end:
            starts.append(position)
            info = words[position + 1]
            kind = info >> 24 & 0x1F
            position += 3
            if kind in per_member:
                position += per_member[kind] * (info & 0xFFFF)
            elif kind in fixed:
                position += fixed[kind]
        return starts

    def _kind(self, start: int) -> tuple[int, int]:
        info = self._words[start + 1]
        return info >> 24 & 0x1F, info & 0xFFFF

    def _string_offset(self, name: str) -> int | None:
        """Names are stored once, so comparing offsets compares names."""
        found = self._strings.find(b"\0" + name.encode() + b"\0")
        return None if found < 0 else found + 1

    def _string(self, offset: int) -> str:
        return self._strings[offset : self._strings.index(b"\0", offset)].decode()

    def _named(self, name: str, kinds: tuple[int, ...]) -> int | None:
        if (name, kinds) not in self._by_name:
            self._by_name[name, kinds] = self._search(name, kinds)
        return self._by_name[name, kinds]

    def _search(self, name: str, kinds: tuple[int, ...]) -> int | None:
        wanted = self._string_offset(name)
        if wanted is None:
            return None
        words = self._words
        for type_id, start in enumerate(self._starts):
            if words[start] == wanted and type_id and self._kind(start)[0] in kinds:
                return type_id
        return None

    def _resolve(self, type_id: int) -> int:
        """Through typedefs and qualifiers."""
        while type_id and self._kind(self._starts[type_id])[0] in _TRANSPARENT:
            type_id = self._words[self._starts[type_id] + 2]
        return type_id

    def _pointee(self, type_id: int) -> str:
        start = self._starts[self._resolve(type_id)]
        if self._kind(start)[0] != _PTR:
            return ""
        target = self._resolve(self._words[start + 2])
        return self._string(self._words[self._starts[target]]) if target else ""

    def _walk(self, path: str) -> _Found | None:
        name, *members = path.split(".")
        type_id = self._named(name, (_STRUCT, _UNION))
        if type_id is None:
            return None
        bit = 0
        for member in members:
            found = self._member(type_id, member)
            if found is None:
                return None
            bit += found.bit
            type_id = self._resolve(found.type)
        return _Found(bit, type_id)

    def _member(self, type_id: int, name: str) -> _Found | None:
        wanted = self._string_offset(name)
        if wanted is None:
            return None
        anonymous = []
        for member_name, found in self._members(type_id):
            if member_name == wanted:
                return found
            if member_name == 0:
                anonymous.append(found)
        for inside in anonymous:
            deeper = self._member(self._resolve(inside.type), name)
            if deeper is not None:
                return _Found(inside.bit + deeper.bit, deeper.type)
        return None

    def _members(self, type_id: int) -> Iterator[tuple[int, _Found]]:
        start = self._starts[type_id]
        kind, count = self._kind(start)
        if kind not in (_STRUCT, _UNION):
            return
        # With bit fields around, a member's top byte holds its width.
        mask = 0xFFFFFF if self._words[start + 1] >> 31 else 0xFFFFFFFF
        for member in range(start + 3, start + 3 + 3 * count, 3):
            yield self._words[member], _Found(self._words[member + 2] & mask, self._words[member + 1])

"""Offsets from the kernel's type information, against a small hand-made one and the real one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from falcon_sensor.kernel import btf, offsets, tracepoints

INT, PTR, STRUCT, UNION, ENUM, TYPEDEF, CONST, PROTO = 1, 2, 4, 5, 6, 8, 10, 13


class Builder:
    """Writes BTF: types are numbered from 1 in the order they are added."""

    def __init__(self) -> None:
        self.strings, self.types, self.count = b"\0", b"", 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        found = self.strings.find(b"\0" + text.encode() + b"\0")
        if found >= 0:
            return found + 1
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(self, kind: int, name: str, size_or_type: int, *words: int, members: int = 0, flag: int = 0) -> int:
        info = flag << 31 | kind << 24 | members
        self.types += struct.pack(f"<III{len(words)}I", self.name(name), info, size_or_type, *words)
        self.count += 1
        return self.count

    def composite(self, kind: int, name: str, size: int, *members: tuple[str, int, int], flag: int = 0) -> int:
        words = [word for text, target, bit in members for word in (self.name(text), target, bit)]
        return self.add(kind, name, size, *words, members=len(members), flag=flag)

    def build(self) -> btf.Btf:
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return btf.Btf(header + self.types + self.strings)


@pytest.fixture
def types() -> btf.Btf:
    builder = Builder()
    number = builder.add(INT, "int", 4, 32)
    inner = builder.composite(STRUCT, "inner", 8, ("first", number, 0), ("second", number, 32))
    alias = builder.add(CONST, "", builder.add(TYPEDEF, "inner_t", inner))
    hidden = builder.composite(UNION, "", 8, ("path", alias, 0), ("other", number, 0))
    flags = (3 << 24) | 96  # a bit field of width 3
    outer = builder.composite(STRUCT, "outer", 24, ("a", number, 0), ("", hidden, 32), ("bits", number, flags), flag=1)
    pointer = builder.add(PTR, "", outer)
    proto = builder.add(PROTO, "", 0, 0, 0, 0, pointer, 0, number, members=3)
    builder.add(TYPEDEF, "btf_trace_something", builder.add(PTR, "", proto))
    builder.add(ENUM, "", 4, builder.name("FIRST"), 0, builder.name("SECOND"), 6, members=2)
    return builder.build()


def test_members_through_anonymous_unions_and_typedefs(types: btf.Btf):
    assert types.offset("outer.a") == 0
    assert types.offset("outer.path.second") == 4 + 4
    assert types.offset("outer.other") == 4
    assert types.offset("outer.bits") == 12
    assert types.bit("outer.bits") == 96
    assert types.size("outer") == 24


def test_alternatives_in_order(types: btf.Btf):
    assert types.offset("outer.renamed", "outer.other", "outer.a") == 4


def test_missing_member_is_named(types: btf.Btf):
    with pytest.raises(btf.BtfError, match=r"no outer\.b or other\.c"):
        types.offset("outer.b", "other.c")
    with pytest.raises(btf.BtfError, match="no struct absent"):
        types.size("absent")


def test_tracepoints_and_constants(types: btf.Btf):
    assert types.tracepoint("something") == ["outer", ""]
    assert types.tracepoint("nothing") is None
    assert types.constant("SECOND") == 6
    assert types.constant("THIRD") is None


@pytest.mark.parametrize("data", [b"", b"\x9f\xeb", bytes(100)])
def test_broken_information(data: bytes):
    with pytest.raises(btf.BtfError, match="type information"):
        btf.Btf(data)


def test_kernel_without_type_information(tmp_path: Path):
    with pytest.raises(btf.BtfError, match="CONFIG_DEBUG_INFO_BTF"):
        btf.Btf.load(tmp_path / "vmlinux")


@pytest.mark.skipif(not btf.VMLINUX.exists(), reason="this kernel has no BTF")
def test_this_kernel_has_all_we_need():
    types = btf.Btf.load()
    found = offsets.macros(types, "x86_64" if types.has("pt_regs.orig_ax") else "aarch64")
    assert all(value >= -1 for value in found.values())
    assert found["TASK_TGID"] == found["TASK_PID"] + 4
    assert tracepoints.find(types).prepare_exec == (types.tracepoint("sched_prepare_exec") is not None)

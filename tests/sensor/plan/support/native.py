"""The generated filters as a shared object: compiled with gcc as plain C, asked through ctypes.

The structs are those of the kernel programs themselves; the accessors that read kernel memory there
read one `struct world` here.
"""

from __future__ import annotations

import ctypes
import importlib.resources
import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

from falcon_sensor.kernel.plan import contract, interpret
from falcon_sensor.records import layout

_TYPES: dict[str, Any] = {"u8": ctypes.c_uint8, "u16": ctypes.c_uint16, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64}
_TYPES |= {"s32": ctypes.c_int32, "s64": ctypes.c_int64, "char": ctypes.c_char}

CAPS = {"FALCON_PATH_CAP": layout.PATH_CAP}

PRELUDE = """\
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed int s32; typedef signed long long s64;
#define __always_inline inline __attribute__((always_inline))
#define FALCON_SCRATCH_WORDS 64
#define BPF_ARRAY(name, leaf, size) \\
    leaf name##_content; \\
    static leaf *name##_lookup(u32 *key) { return *key ? 0 : &name##_content; } \\
    static struct { leaf *(*lookup)(u32 *); } name = {name##_lookup}
"""

ACCESSORS = """\
struct world {
    u64 container, uid, gid, caps_effective, has_tty, pid, vpid, ancestors;
    u64 comms[16][2];
} world;
static u64 scratch[FALCON_SCRATCH_WORDS];
static u64 *falcon_scratch(const struct falcon_facts *f) { return scratch; }
static u64 falcon_container(const struct falcon_facts *f) { return world.container; }
static u64 falcon_uid(const struct falcon_facts *f) { return world.uid; }
static u64 falcon_gid(const struct falcon_facts *f) { return world.gid; }
static u64 falcon_caps_effective(const struct falcon_facts *f) { return world.caps_effective; }
static u64 falcon_has_tty(const struct falcon_facts *f) { return world.has_tty; }
static u64 falcon_pid(const struct falcon_facts *f) { return world.pid; }
static u64 falcon_vpid(const struct falcon_facts *f) { return world.vpid; }
/* Tasks are 1000, its parent 1001, and so on. */
static u64 falcon_parent(u64 task) { return task - 1000 < world.ancestors ? task + 1 : 0; }
static void falcon_task_comm(u64 task, u64 words[2])
{
    words[0] = task ? world.comms[task - 1000][0] : 0;
    words[1] = task ? world.comms[task - 1000][1] : 0;
}
static void falcon_comm(const struct falcon_facts *f, u64 words[2]) { falcon_task_comm(f->task, words); }
"""

ASK = """\
int ask_%(kind)s(const struct falcon_facts *f, const struct falcon_names *n)
{
    for (int i = 0; i < FALCON_SCRATCH_WORDS; i++) /* what an earlier event left */
        scratch[i] = 0x5a5a5a5a5a5a5a5aULL;
    return falcon_want_%(kind)s_early(f) && falcon_want_%(kind)s(f, n);
}
"""

_number = itertools.count()


def _struct(name: str) -> str:
    programs = importlib.resources.files("falcon_sensor.kernel") / "programs"
    found = re.search(rf"^struct {name} {{\n.*?^}};$", (programs / "types.bpf.c").read_text(), re.DOTALL | re.MULTILINE)
    assert found
    text = found[0]
    for macro, value in CAPS.items():
        text = text.replace(macro, str(value))
    return text


def _mirror(name: str) -> type[ctypes.Structure]:
    fields = []
    for ctype, member, count in re.findall(r"^    (\w+) (\w+)(?:\[(\d+)\])?;", _struct(name), re.MULTILINE):
        fields.append((member, _TYPES[ctype] * int(count) if count else _TYPES[ctype]))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


Facts = _mirror("falcon_facts")
Names = _mirror("falcon_names")


_WORLD = ("container", "uid", "gid", "caps_effective", "has_tty", "pid", "vpid", "ancestors")


class World(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in _WORLD),
        ("comms", ctypes.c_uint64 * 2 * 16),
    ]


class Filter:
    """`wanted(facts)`: what the C says."""

    def __init__(self, plan: contract.Plan, folder: Path) -> None:
        base = folder / f"filter{next(_number)}"
        structs = [_struct("falcon_facts"), _struct("falcon_names")]
        asks = [ASK % {"kind": kind.name.lower()} for kind in layout.Kind]
        base.with_suffix(".c").write_text("\n".join([PRELUDE, *structs, ACCESSORS, plan.filters, *asks]))
        options = ["-O1", "-shared", "-fPIC", "-fno-strict-aliasing", "-Wall", "-Werror", "-Wno-unknown-pragmas"]
        options += ["-Wno-unused-function", "-Wno-parentheses"]
        command = ["gcc", *options, "-o", f"{base}.so", f"{base}.c"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self._library = ctypes.CDLL(f"{base}.so")
        for name, content in plan.tables.items():
            target = (ctypes.c_char * len(content)).in_dll(self._library, f"{name}_content")
            ctypes.memmove(target, content, len(content))

    def wanted(self, facts: interpret.Facts) -> bool:
        f, n = Facts(), Names()
        for member in ("result", "flags", "open_flags", "mode", "fd", "family", "sock_type", "protocol"):
            setattr(f, member, getattr(facts, member))
        f.task, f.event = 1000, layout.EVENTS.index(facts.event)
        f.arguments[:] = facts.arguments
        f.result_known = facts.result_known
        f.source_port, f.dest_port = facts.source_port, facts.dest_port
        f.source, f.destination = (type(f.source).from_buffer_copy(a) for a in (facts.source, facts.destination))
        for member, text in (("name", facts.name), ("path", facts.path)):
            setattr(n, f"{member}_length", len(text))
            # Bytes behind the text are what an earlier event left.
            filled = text + b"/etc/shadow" * 400
            ctypes.memmove(ctypes.addressof(n) + getattr(Names, member).offset, filled, layout.PATH_CAP)
        self._set_world(facts)
        return bool(
            getattr(self._library, f"ask_{layout.KIND_OF[facts.event].name.lower()}")(ctypes.byref(f), ctypes.byref(n))
        )

    def _set_world(self, facts: interpret.Facts) -> None:
        world = World.in_dll(self._library, "world")
        for member in ("container", "uid", "gid", "caps_effective", "has_tty", "pid", "vpid"):
            setattr(world, member, int(getattr(facts, member)))
        world.ancestors = len(facts.ancestors)
        for position, comm in enumerate((facts.comm, *facts.ancestors)):
            padded = comm.ljust(16, b"\0")
            world.comms[position][:] = [int.from_bytes(padded[:8], "little"), int.from_bytes(padded[8:], "little")]

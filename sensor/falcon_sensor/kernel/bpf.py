"""The few bpf() calls we need: making and filling maps, loading and attaching programs, asking about objects.

A thin layer over the system call, without bcc: that one is the compiler's, in the loader's process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from enum import IntEnum

_NUMBERS = {"x86_64": 321, "aarch64": 280}

_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_FREEZE = 0, 1, 2, 22
_PROGRAM_LOAD, _TEST_RUN, _INFO, _RAW_TRACEPOINT, _LINK_CREATE = 5, 10, 15, 17, 28
_ENABLE_STATS = 32
_NAME_BYTES = 15
_ATTRIBUTE_BYTES = 128

_libc = ctypes.CDLL(None, use_errno=True)


class Program(IntEnum):
    """Types of programs."""

    TRACEPOINT = 5
    RAW_TRACEPOINT = 17
    TRACING = 26


FUNCTION_END = 25
"""Attach type of a tracing program: BPF_TRACE_FEXIT."""
_PERF_EVENT = 41

_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_PERF_TRACEPOINT, _PERF_ATTRIBUTE_BYTES, _PERF_CLOEXEC = 2, 64, 8


class Objects(IntEnum):
    """Commands that step through the kernel's objects by id."""

    PROGRAMS = 11
    MAPS = 12
    LINKS = 31


def call(command: int, attribute: bytes) -> tuple[int, bytes]:
    """bpf(2): what it returned and the attribute as the kernel left it. Raises OSError."""
    buffer = ctypes.create_string_buffer(attribute.ljust(_ATTRIBUTE_BYTES, b"\0"), _ATTRIBUTE_BYTES)
    result = _libc.syscall(_NUMBERS[platform.machine()], command, buffer, _ATTRIBUTE_BYTES)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result, buffer.raw


def create_map(type: int, key_size: int, value_size: int, entries: int, flags: int, name: str) -> int:
    """A new map's descriptor."""
    shape = struct.pack("<IIIIIII15sx", type, key_size, value_size, entries, flags, 0, 0, name.encode()[:_NAME_BYTES])
    return call(_MAP_CREATE, shape)[0]


def load_program(
    code: bytes,
    name: str,
    log: ctypes.Array[ctypes.c_char] | None = None,
    type: Program = Program.RAW_TRACEPOINT,
    attach_type: int = 0,
    function_id: int = 0,
) -> int:
    """Has a program verified; its descriptor. log: what the verifier says goes there. function_id: of tracing programs,
    the BTF id of the function they will be attached to."""
    code_buffer, license = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    attribute = struct.pack(
        "<IIQQIIQII15sxII36xI",
        type,
        len(code) // 8,
        ctypes.addressof(code_buffer),
        ctypes.addressof(license),
        0 if log is None else 1,
        0 if log is None else len(log),
        0 if log is None else ctypes.addressof(log),
        0,
        0,
        name.encode()[:_NAME_BYTES],
        0,
        attach_type,
        function_id,
    )
    return call(_PROGRAM_LOAD, attribute)[0]


def attach_raw_tracepoint(program_fd: int, tracepoint: str) -> int:
    """The link's descriptor: the program runs until nobody holds it any more."""
    name = ctypes.create_string_buffer(tracepoint.encode())
    return call(_RAW_TRACEPOINT, struct.pack("<QI", ctypes.addressof(name), program_fd))[0]


def attach_tracing(program_fd: int) -> int:
    """The same for a tracing program, which knows its function."""
    return call(_RAW_TRACEPOINT, struct.pack("<QI", 0, program_fd))[0]


def attach_tracepoint(program_fd: int, number: int) -> int:
    """The same for a tracepoint program, on all CPUs. number: as tracefs tells it. Raises OSError before 5.15."""
    attribute = struct.pack("<IIQQ", _PERF_TRACEPOINT, _PERF_ATTRIBUTE_BYTES, number, 1)
    buffer = ctypes.create_string_buffer(attribute, _PERF_ATTRIBUTE_BYTES)
    event = _libc.syscall(_PERF_EVENT_OPEN[platform.machine()], buffer, -1, 0, -1, _PERF_CLOEXEC)
    if event < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    try:
        return call(_LINK_CREATE, struct.pack("<III", program_fd, event, _PERF_EVENT))[0]
    finally:
        os.close(event)  # the link holds it


def lookup(map_fd: int, key: int, value_size: int) -> bytes:
    """The value at a 32-bit key; for per-CPU maps the values of all CPUs one behind the other."""
    key_buffer = ctypes.c_uint32(key)
    value = ctypes.create_string_buffer(value_size)
    call(_MAP_LOOKUP, struct.pack("<IxxxxQQ", map_fd, ctypes.addressof(key_buffer), ctypes.addressof(value)))
    return value.raw


def update(map_fd: int, key: int, value: bytes) -> None:
    """Sets the value at a 32-bit key."""
    key_buffer = ctypes.c_uint32(key)
    buffer = ctypes.create_string_buffer(value, len(value))
    call(_MAP_UPDATE, struct.pack("<IxxxxQQ", map_fd, ctypes.addressof(key_buffer), ctypes.addressof(buffer)))


def freeze(map_fd: int) -> None:
    """From now on nobody can change the map from user space, root included; programs still can."""
    call(_MAP_FREEZE, struct.pack("<I", map_fd))


def run(program_fd: int) -> None:
    """Runs a raw tracepoint program once, here and now, without arguments."""
    call(_TEST_RUN, struct.pack("<I", program_fd))


def info(fd: int, size: int = 256) -> bytes:
    """The kernel's info structure about a map, program or link, its first `size` bytes."""
    buffer = ctypes.create_string_buffer(size)
    call(_INFO, struct.pack("<IIQ", fd, size, ctypes.addressof(buffer)))
    return buffer.raw


def map_info(fd: int) -> tuple[int, int, int, int, int]:
    """Type, key size, value size, number of entries, flags of a map."""
    kind, _, *sizes = struct.unpack_from("<IIIIII", info(fd))
    return (kind, *sizes)


def map_shape(fd: int) -> tuple[int, int]:
    """Value size and number of entries of a map."""
    _, _, _, value_size, entries = struct.unpack_from("<IIIII", info(fd))
    return value_size, entries


def recursion_misses(program_fd: int) -> int:
    """How often a program was not run because it was running on that CPU already."""
    return int(struct.unpack_from("<Q", info(program_fd), _RECURSION_MISSES)[0])


_RUN_TIME = 192
_RECURSION_MISSES = 208  # offsets in struct bpf_prog_info; the latter since 5.12, zero before


def runs(program_fd: int) -> tuple[int, int]:
    """Nanoseconds a program took so far and how often it ran, programs it calls included; counted only while statistics
    are switched on."""
    taken, count = struct.unpack_from("<QQ", info(program_fd), _RUN_TIME)
    return taken, count


def enable_statistics() -> int:
    """The kernel counts runs of programs, all of this machine's, until the returned descriptor is closed. Costs each
    run some 20 ns. Raises OSError (before 5.8)."""
    return call(_ENABLE_STATS, struct.pack("<I", 0))[0]


def object_id(fd: int) -> int:
    """The kernel's id of a map, program or link."""
    return int(struct.unpack_from("<I", info(fd), 4)[0])


def program_of_link(link_fd: int) -> int:
    """Id of the program a link has attached."""
    return int(struct.unpack_from("<I", info(link_fd), 8)[0])


def ids(objects: Objects) -> Iterator[int]:
    """Ids of all objects of a sort that exist now, on the whole machine."""
    current = 0
    while True:
        try:
            _, attribute = call(objects, struct.pack("<II", current, 0))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        current = struct.unpack_from("<I", attribute, 4)[0]
        yield current


def cpus() -> int:
    """How many values a per-CPU map has per key: the possible CPUs, present or not."""
    with open("/sys/devices/system/cpu/possible") as file:
        return int(file.read().strip().split("-")[-1].split(",")[-1]) + 1

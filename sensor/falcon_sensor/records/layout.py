"""Every record's layout, declared once for both sides.

A record is a fixed head (`HEAD`), eight ancestors (`ANCESTOR`), a fixed body that depends on
its kind (`BODIES`), a table of 16-bit lengths, one per blob of its kind (`COMMON_BLOBS` first,
then `BLOBS`), and those blobs one behind the other without padding. Blobs are bytes as the
kernel had them (paths, argument strings), cut to the caps given here and never terminated.

`kernel.csource` prints the same declarations as C structs; a kernel test compares sizes and
offsets of both.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple

from falcon_sensor.records import calls

ANCESTORS = 8
"""How many ancestors a record carries, nearest first. Deeper chains come from the process cache."""

FORMATS = {"u8": "B", "u16": "H", "u32": "I", "s32": "i", "u64": "Q", "s64": "q", "comm": "16s"}
"""C type to `struct` format. `comm` is char[16], padded with NUL."""


class Member(NamedTuple):
    name: str
    ctype: str


class Blob(NamedTuple):
    """`cap`: most bytes shipped (PATH_MAX for paths); a longer one sets `Flag.TRUNCATED`."""

    name: str
    cap: int


class Kind(IntEnum):
    """Which body follows the head. Each kind may carry several event types (`open`, `openat`, ...)."""

    EXEC = 1
    OPEN = 2
    CONNECT = 3
    NAMES = 4
    """calls about one or two file names (`link`, `rename`, ...), see `calls`"""
    DESCRIPTOR = 5
    """calls about a descriptor (`dup`, `sendto`, ...)"""
    PLAIN = 6
    """calls about numbers only (`ptrace`, `setuid`, ...)"""


class Flag(IntFlag):
    """Bits of the head's `flags`."""

    CONTAINER = 1 << 0
    """the task's mount namespace is not init's"""
    IA32 = 1 << 1
    """a 32-bit system call (`int 0x80` included)"""
    IO_URING = 1 << 2
    """done by io_uring; the result is that of the completion when known, else 0"""
    TRUNCATED = 1 << 3
    """some blob was cut at its cap"""
    UNREADABLE = 1 << 4
    """some blob could not be read; it is empty"""
    EXE_UPPER_LAYER = 1 << 5
    """the executable lies on the upper layer of an overlay file system (exec records)"""
    EXE_MEMFD = 1 << 6
    EXE_WRITABLE = 1 << 7
    """the process's user may write the executable"""
    EXE_LOWER_LAYER = 1 << 8
    MANY_ANCESTORS = 1 << 9
    """the chain goes on beyond what the record carries"""
    FD_UPPER_LAYER = 1 << 10
    FD_LOWER_LAYER = 1 << 11
    WANTED = 1 << 12
    """the plan's filter said yes; without it the record only feeds the process cache (exec records)"""
    FD_CREATED = 1 << 13
    """the call made the file (FMODE_CREATED of the opened file)"""
    FD_CONNECTED = 1 << 14
    """the descriptor is a socket with a peer of its own (DESCRIPTOR records)"""
    FD_SERVER = 1 << 15
    """the descriptor's own end is the server's, else the client's (DESCRIPTOR records)"""
    FD_ADDRESSED = 1 << 16
    """the far end is the one this call was given, or came from: the socket has none of its own (DESCRIPTOR records)"""
    CANARY = 1 << 17
    """the sensor's own act, see `records.canary`; WANTED is not set"""


HEAD = (
    Member("kind", "u16"),
    Member("event", "u16"),  # index into `EVENTS`
    Member("flags", "u32"),
    Member("time", "u64"),  # CLOCK_BOOTTIME, ns
    Member("result", "s64"),  # what the call returned: a descriptor, 0, or -errno
    Member("start", "u64"),  # start_boottime of the thread group's leader, ns: with `pid` names a process for good
    Member("cap_effective", "u64"),
    Member("mnt_ns", "u64"),  # inode number of the namespace
    Member("pid", "u32"),  # thread group id in the initial pid namespace; `v` means in the task's own
    Member("tid", "u32"),
    Member("vpid", "u32"),
    Member("vtid", "u32"),
    Member("pgid", "u32"),
    Member("vpgid", "u32"),
    Member("sid", "u32"),
    Member("vsid", "u32"),
    Member("uid", "u32"),  # effective
    Member("gid", "u32"),  # effective
    Member("loginuid", "u32"),  # 0xffffffff: not set
    Member("tty", "u32"),  # device number of the controlling terminal in the kernel's new_encode_dev form, 0: none
    Member("ancestors", "u32"),  # how many of the eight that follow are filled
    Member("reserved", "u32"),
    Member("comm", "comm"),  # of the thread group's leader, as it is now: what the kernel's filter compares too
    # Address of the executable's struct file, which exec opens anew and fork shares: as long as somebody runs the
    # image, equal values mean the same exec, whoever the parent is by now. Only ever compared. 0: not known.
    Member("image", "u64"),
    # Inode number of the namespace. Tells host processes of one node from those of another where nodes share a kernel.
    Member("net_ns", "u64"),
)

ANCESTOR = (
    Member("start", "u64"),
    Member("pid", "u32"),
    Member("vpid", "u32"),  # in that process's own pid namespace
    Member("comm", "comm"),
)

REGISTERS = tuple(Member(f"argument_{position}", "s64") for position in range(calls.ARGUMENTS))
"""The call's arguments as wide as the kernel reads them, those not in `calls.CALLS` 0."""

BODIES: dict[Kind, tuple[Member, ...]] = {
    Kind.EXEC: (
        Member("cap_inheritable", "u64"),
        Member("cap_permitted", "u64"),
        Member("exe_ino", "u64"),
        Member("exe_ctime", "u64"),  # ns since the epoch
        Member("exe_mtime", "u64"),
        Member("exe_dev", "u32"),  # as stat(2) gives it
        Member("pidns_level", "u32"),  # 0: the initial pid namespace
    ),
    Kind.OPEN: (
        Member("ino", "u64"),  # of the opened file, 0 when it failed
        Member("dev", "u32"),  # in new_encode_dev form, as stat(2) gives it
        Member("open_flags", "u32"),  # O_* as the kernel's own architecture numbers them
        Member("mode", "u32"),
        Member("dirfd", "s32"),  # AT_FDCWD is -100
    ),
    Kind.CONNECT: (
        Member("fd", "s32"),
        # Once the call succeeded or is in progress, both ends are the socket's own, else the address is as
        # given. An IPv4 address mapped into IPv6 is said to be an IPv4 one.
        Member("family", "u16"),  # AF_*
        Member("sock_type", "u16"),  # SOCK_STREAM...
        Member("protocol", "u16"),  # IPPROTO_* of the socket
        Member("source_port", "u16"),  # host order, as bound after the call
        Member("dest_port", "u16"),  # host order
        Member("reserved", "u16"),
    ),
    Kind.NAMES: REGISTERS,
    Kind.DESCRIPTOR: (
        *REGISTERS,
        Member("ino", "u64"),  # of the file; 0: the descriptor is not open
        Member("dev", "u32"),  # in new_encode_dev form
        Member("fd", "s32"),  # the descriptor; that of the call's result for calls that make one
        Member("file_mode", "u16"),  # S_IFMT and permissions; sockets and pipes have theirs, anonymous files none
        Member("family", "u16"),  # AF_* of a socket, else 0; as in CONNECT
        Member("sock_type", "u16"),
        Member("protocol", "u16"),
        Member("source_port", "u16"),  # of the client's end
        Member("dest_port", "u16"),  # of the server's end
        Member("reserved", "u32"),
    ),
    Kind.PLAIN: REGISTERS,
}

CGROUP_CAP = 512
PATH_CAP = 4096
ARGS_CAP = 8192
ENV_CAP = 4096
TEXT_CAP = 256

COMMON_BLOBS = (
    # Paths of the task's cgroups, nearest component last: in the unified hierarchy, and in the first
    # version-1 hierarchy where it is not the root (empty on a pure version-2 machine).
    Blob("cgroup", CGROUP_CAP),
    Blob("cgroup_v1", CGROUP_CAP),
)

BLOBS: dict[Kind, tuple[Blob, ...]] = {
    Kind.EXEC: (
        Blob("filename", PATH_CAP),  # as passed to exec (resolved against dirfd by the kernel: bprm's name)
        Blob("exe", PATH_CAP),  # dentry walk of the executable's file within the process's own root
        Blob("cwd", PATH_CAP),
        Blob("args", ARGS_CAP),  # argv, each followed by NUL
        Blob("env", ENV_CAP),  # environ, each followed by NUL
    ),
    Kind.OPEN: (
        Blob("name", PATH_CAP),  # as given by the caller
        Blob("path", PATH_CAP),  # dentry walk of the opened file; empty when the call failed
        Blob("base", PATH_CAP),  # where a relative name starts: dirfd's path or cwd; only for failed relative names
    ),
    Kind.CONNECT: (
        Blob("source", 16),  # 4 or 16 bytes for AF_INET and AF_INET6, empty otherwise
        Blob("destination", 16),
        Blob("unix_path", 108),  # sun_path for AF_UNIX, an abstract one with its leading NUL
    ),
    Kind.NAMES: (
        Blob("name", PATH_CAP),  # as given
        Blob("second", PATH_CAP),
        Blob("base", PATH_CAP),  # where a relative `name` starts; empty for absolute ones
        Blob("second_base", PATH_CAP),
    ),
    Kind.DESCRIPTOR: (
        Blob("source", 16),  # the client's end; empty when there is none (a listening socket)
        Blob("destination", 16),  # the server's
        Blob("unix_path", 108),
        Blob("path", PATH_CAP),  # dentry walk of anything but a socket
        Blob("text", TEXT_CAP),
    ),
    Kind.PLAIN: (Blob("text", TEXT_CAP),),
}

EVENTS = ("execve", "execveat", "open", "openat", "openat2", "creat", "connect", *calls.CALLS)
"""Event type names in the order of the head's `event`; only ever appended to."""

_FIRST_KINDS = dict(zip(EVENTS, (Kind.EXEC,) * 2 + (Kind.OPEN,) * 4 + (Kind.CONNECT,), strict=False))
KIND_OF = _FIRST_KINDS | {event: Kind[call.shape.name] for event, call in calls.CALLS.items()}
"""Event type to the kind of record that carries it."""


def format_of(members: tuple[Member, ...]) -> struct.Struct:
    """The little-endian, unpadded struct of `members`; declarations keep natural alignment themselves."""
    return struct.Struct("<" + "".join(FORMATS[member.ctype] for member in members))


def slots(kind: Kind) -> int:
    """How many blobs a record of this kind has, common ones included."""
    return len(COMMON_BLOBS) + len(BLOBS[kind])


def slot(kind: Kind, name: str) -> int:
    """Position of a blob in the table of lengths. Raises ValueError for a name the kind lacks."""
    return [blob.name for blob in (*COMMON_BLOBS, *BLOBS[kind])].index(name)


def lengths_of(kind: Kind) -> struct.Struct:
    """The table of blob lengths that follows the body of a record of this kind."""
    return struct.Struct(f"<{slots(kind)}H")


def blobs_start(kind: Kind) -> int:
    """Offset of a record's first blob: the size of everything in front of it."""
    ancestors = ANCESTORS * format_of(ANCESTOR).size
    return format_of(HEAD).size + ancestors + format_of(BODIES[kind]).size + lengths_of(kind).size

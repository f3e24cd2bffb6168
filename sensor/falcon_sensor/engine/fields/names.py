"""Numbers of the kernel's interface and the names rules know them by."""

from __future__ import annotations

import errno
import platform
from collections.abc import Sequence

ACCESS_MODE = 0o3
O_WRONLY, O_RDWR = 1, 2
O_CREAT, O_EXCL, O_TRUNC = 0o100, 0o200, 0o1000

_ARM = platform.machine() in ("aarch64", "arm64")
# arm64 (and 32-bit arm) number these four differently from x86; all others are asm-generic everywhere.
O_DIRECT = 0o200000 if _ARM else 0o40000
O_LARGEFILE = 0o400000 if _ARM else 0o100000
O_DIRECTORY = 0o40000 if _ARM else 0o200000
O_NOFOLLOW = 0o100000 if _ARM else 0o400000
O_TMPFILE = 0o20000000 | O_DIRECTORY
O_SYNC = 0o4010000
O_DSYNC = 0o10000
O_PATH = 0o10000000

OPEN_FLAGS: Sequence[tuple[bytes, int]] = (
    (b"O_CREAT", O_CREAT),
    (b"O_APPEND", 0o2000),
    (b"O_EXCL", O_EXCL),
    (b"O_NONBLOCK", 0o4000),
    (b"O_TRUNC", O_TRUNC),
    (b"O_DIRECT", O_DIRECT),
    (b"O_LARGEFILE", O_LARGEFILE),
    (b"O_CLOEXEC", 0o2000000),
    # The reference does not name these three; a rule may want to know of them.
    (b"O_NOFOLLOW", O_NOFOLLOW),
    (b"O_NOATIME", 0o1000000),
    (b"O_PATH", O_PATH),
)

_CAPABILITIES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES: Sequence[bytes] = tuple(b"CAP_" + name.encode() for name in _CAPABILITIES.split())
"""In bit order."""

L4_PROTOCOLS = {1: b"icmp", 6: b"tcp", 17: b"udp", 58: b"icmp", 255: b"raw"}
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW = 1, 2, 3
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10


def error(result: int) -> bytes:
    """`ENOENT` for -2; the bare number where errno has no name (the kernel's internal ones leak now and then)."""
    return errno.errorcode.get(-result, str(-result)).encode()


def capabilities(mask: int) -> bytes:
    """Names in bit order, separated by blanks."""
    return b" ".join(name for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1)


def open_flags(flags: int, *, created: bool = False, upper: bool = False, lower: bool = False) -> bytes:
    """`O_RDWR|O_CREAT`; the access mode always stands first, because O_RDONLY is no bit at all.

    created, upper, lower: what the kernel found out about the file, in the reference's names.
    """
    names = [{O_WRONLY: b"O_WRONLY", O_RDWR: b"O_RDWR"}.get(flags & ACCESS_MODE, b"O_RDONLY")]
    names += [name for name, bit in OPEN_FLAGS if flags & bit]
    if flags & O_SYNC == O_SYNC:
        names.append(b"O_SYNC")
    elif flags & O_DSYNC:
        names.append(b"O_DSYNC")
    if flags & O_TMPFILE == O_TMPFILE:
        names.append(b"O_TMPFILE")
    elif flags & O_DIRECTORY:
        names.append(b"O_DIRECTORY")
    found = ((b"O_F_CREATED", created), (b"FD_UPPER_LAYER", upper), (b"FD_LOWER_LAYER", lower))
    names += [name for name, true in found if true]
    return b"|".join(names)


def protocol(sock_type: int, protocol: int) -> bytes:
    """Layer 4 name of a socket, `<NA>` for those the language has no name for."""
    if sock_type == SOCK_RAW:
        return b"icmp" if protocol in (1, 58) else b"raw"
    return L4_PROTOCOLS.get(protocol, b"<NA>")

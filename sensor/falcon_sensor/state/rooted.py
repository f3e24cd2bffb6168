"""Reading a file below a root that is not ours, written by people who may mean harm.

The kernel resolves the path inside the root (`openat2` with RESOLVE_IN_ROOT): `..` and absolute
symbolic links end inside it, /proc's magic links are refused. The file is opened by O_PATH first,
which touches nothing: a FIFO would block, opening some devices acts. Only a regular file is then
opened for reading, and no more than a bound is read of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterator

SYS_OPENAT2 = 437
"""The same on every architecture, as for all system calls since Linux 5.1."""

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_IN_ROOT = 0x10

O_PATH = getattr(os, "O_PATH", 0o10000000)

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def directory(path: str) -> Iterator[int]:
    """A descriptor of the root, e.g. `/proc/PID/root`. Raises OSError."""
    fd = os.open(path, O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def located(root: int, path: str, symlinks: bool = True) -> Iterator[int]:
    """An O_PATH descriptor of `path` inside `root`. Raises OSError."""
    resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (0 if symlinks else RESOLVE_NO_SYMLINKS)
    how = struct.pack("=QQQ", O_PATH | os.O_CLOEXEC, 0, resolve)
    fd = int(_libc.syscall(SYS_OPENAT2, root, os.fsencode(path), how, ctypes.c_size_t(len(how))))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), path)
    try:
        yield fd
    finally:
        os.close(fd)


def signature(root: int, path: str, symlinks: bool = True) -> tuple[int, int, int] | None:
    """(inode, mtime in ns, size) of a regular file inside `root`, to see whether it changed; None without one."""
    try:
        with located(root, path, symlinks) as fd:
            file = os.fstat(fd)
    except (OSError, ValueError):
        return None
    return (file.st_ino, file.st_mtime_ns, file.st_size) if stat.S_ISREG(file.st_mode) else None


def read(root: int, path: str, cap: int, symlinks: bool = True) -> bytes | None:
    """The file inside `root`, None when it is not a readable regular file of at most `cap` bytes."""
    try:
        with located(root, path, symlinks) as fd:
            file = os.fstat(fd)
            if not stat.S_ISREG(file.st_mode) or file.st_size > cap:
                return None
            with open(f"/proc/self/fd/{fd}", "rb", buffering=0) as reader:
                content = _read_all(reader.fileno(), cap)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return content


def _read_all(fd: int, cap: int) -> bytes | None:
    """Everything up to the end; None when that is beyond `cap` (the file grew, or its size lies)."""
    parts: list[bytes] = []
    left = cap + 1
    while left > 0 and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts) if left > 0 else None

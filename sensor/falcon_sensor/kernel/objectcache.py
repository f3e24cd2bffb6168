"""Compiled programs on disk: only the first start on a kernel with these rules pays for the compiler.

A file holds what a part of the C text became (see `parts`). Its name is the digest of everything that depends on, which
is the part's text: offsets of this very kernel, the rules' filter and all sizes stand in it. What differs from start to
start (the sensor's process id) is in a map.

What lies here ends up in the kernel, so it is taken only from a directory and a file that nobody but their owner, who
is whoever runs the sensor, can write to, and only if its content has the digest it was written with. The kernel's
verifier sees it all the same. Nothing here can fail a start: what cannot be read is compiled, what cannot be written
is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from falcon_sensor.kernel import objects

_FORMAT = b"falcon programs 2"
"""To be changed with the form of the files, and with whatever makes other code of the same text: compiler flags,
the headers in `headers/`."""
_MOST_BYTES = 8 << 20
"""Of a file; 2,500 rules make less than 2 MB."""
_KEPT = 64
"""Files, four for a set of rules; the least recently used go. Some sets in turn, and both kernels of an upgrade."""
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_BLANK = re.compile(rb"\s*\n\s*")
_SUFFIX = ".bpf"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def key(text: str) -> str:
    """Comments do not count, which name rules, nor lines that are empty, where other parts' text stood."""
    return hashlib.sha256(_FORMAT + _BLANK.sub(b"\n", _COMMENT.sub(b"", text.encode()))).hexdigest()


def read(directory: str, name: str) -> objects.Object | None:
    """None when there is none that can be trusted."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError), _opened(directory) as folder:
        descriptor = os.open(name + _SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with open(descriptor, "rb") as file:
            if not _ours(os.fstat(descriptor), stat.S_ISREG):
                return None
            head, digest, content = file.readline(256), file.readline(256), file.read(_MOST_BYTES)
        if head != _FORMAT + b"\n" or digest != _digest(content):
            return None
        found = objects.Object.from_bytes(content)
        os.utime(name + _SUFFIX, dir_fd=folder, follow_symlinks=False)  # used now
        return found
    return None


def write(directory: str, name: str, compiled: objects.Object) -> None:
    """Keeps it, if it can be kept, as a whole or not at all."""
    content = compiled.to_bytes()
    if len(content) > _MOST_BYTES:
        return
    with contextlib.suppress(OSError):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with _opened(directory):
            # Whoever writes at the same time spoils it for both, which the digest tells.
            temporary = Path(directory) / f"{name}.new"
            with open(os.open(temporary, _CREATE, 0o600), "wb") as file:
                file.write(_FORMAT + b"\n" + _digest(content) + content)
            os.replace(temporary, Path(directory) / f"{name}{_SUFFIX}")
            _prune(Path(directory))


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


@contextlib.contextmanager
def _opened(directory: str) -> Iterator[int]:
    """Raises OSError when there is no such directory or others could have put something into it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _ours(os.fstat(descriptor), stat.S_ISDIR):
            raise PermissionError(directory)
        yield descriptor
    finally:
        os.close(descriptor)


def _ours(about: os.stat_result, kind: Callable[[int], bool]) -> bool:
    return kind(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o022


def _prune(directory: Path) -> None:
    """A file that somebody else has just removed is as good as removed by us."""
    files = sorted(directory.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[_KEPT:]:
        file.unlink(missing_ok=True)

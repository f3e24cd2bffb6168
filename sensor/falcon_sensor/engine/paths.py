"""Paths as text: what a name means without asking the file system.

The kernel tells where an opened file really is; what the *caller* wrote must be made absolute
lexically, because rules are true of either name and the second one may not exist any more.
"""

from __future__ import annotations


def normalise(path: bytes) -> bytes:
    """`path`, absolute, with `.`, `..` and doubled slashes resolved as text. `..` above the root stays there."""
    if b"//" not in path and b"/." not in path and not path.endswith(b"/"):
        return path or b"/"
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/" + b"/".join(parts)


def absolute(name: bytes, base: bytes | None) -> bytes | None:
    """`name` made absolute with the directory `base`; None when a relative name has no known base."""
    if name.startswith(b"/"):
        return normalise(name)
    if not base or not base.startswith(b"/"):
        return None
    return normalise(base + b"/" + name)


def squeeze(path: bytes) -> bytes:
    """`path` with doubled slashes made single, otherwise as given."""
    while b"//" in path:
        path = path.replace(b"//", b"/")
    return path


def directory(path: bytes) -> bytes:
    """The part before the last slash; `/` for entries of the root."""
    return path.rpartition(b"/")[0] or b"/"


def filename(path: bytes) -> bytes:
    """The part after the last slash."""
    return path.rpartition(b"/")[2]

"""What all sources share: reading the host's files, and JSON whose shape is not to be trusted.

Files are found below the host's root (`/host` in a pod); absolute symbolic links such as
`/var/run` resolve inside it. Accessors return an empty value where the shape is not the expected
one, so a source reads `table(config, "process")` without asking at each step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from falcon_sensor.state import description, rooted

FILE_CAP = 4 << 20
"""A container's configuration has 10 to 100 KiB; lists of all containers of a node may reach a megabyte."""

NAME_CAP = 255
"""Longest file name, so longest id."""


class Source(Protocol):
    def describe(self, container_id: bytes) -> description.Description | None:
        """What this runtime's files tell of the container; None when they don't know it. Never raises."""


class Files:
    """root: where the host's root directory is seen."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, path: str, cap: int = FILE_CAP) -> bytes | None:
        """None for what is not a readable regular file of at most `cap` bytes."""
        try:
            with rooted.directory(self._root) as root:
                return rooted.read(root, path, cap)
        except OSError:
            return None

    def json(self, path: str) -> Any:
        """The parsed file; None when it can't be read or is not (yet) whole."""
        return parse_json(self.read(path))

    def table(self, path: str) -> dict[str, Any]:
        """The parsed file where it holds an object, else an empty one."""
        content = self.json(path)
        return content if isinstance(content, dict) else {}

    def names(self, path: str) -> list[str]:
        """Entries of a directory, sorted; empty when it can't be read."""
        try:
            with rooted.directory(self._root) as root, rooted.located(root, path) as fd:
                return sorted(os.listdir(f"/proc/self/fd/{fd}"))
        except (OSError, ValueError):
            return []

    def changed(self, path: str) -> int:
        """mtime of a file or directory in ns, 0 when it is not there."""
        try:
            with rooted.directory(self._root) as root, rooted.located(root, path) as fd:
                return os.fstat(fd).st_mtime_ns
        except (OSError, ValueError):
            return 0

    def owner(self, path: str) -> int | None:
        try:
            with rooted.directory(self._root) as root, rooted.located(root, path) as fd:
                return os.fstat(fd).st_uid
        except (OSError, ValueError):
            return None


def parse_json(content: bytes | None) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def safe_name(container_id: bytes) -> str | None:
    """The id as a file name; None when it could name anything but an entry of one directory."""
    if not container_id or len(container_id) > NAME_CAP or container_id in (b".", b".."):
        return None
    if b"/" in container_id or b"\0" in container_id:
        return None
    return os.fsdecode(container_id)


def text(value: object) -> bytes | None:
    """A JSON string as bytes; None for an empty one and for anything else."""
    return value.encode("utf-8", "replace") if isinstance(value, str) and value else None


def table(value: object, *path: str) -> dict[str, Any]:
    """The object at `path` below `value`, empty when there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def rows(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def texts(value: object) -> dict[bytes, bytes]:
    """The string members of an object: labels, annotations."""
    members = value.items() if isinstance(value, dict) else ()
    return {
        key.encode("utf-8", "replace"): item.encode("utf-8", "replace")
        for key, item in members
        if isinstance(item, str)
    }


def without(labels: Mapping[bytes, bytes], prefixes: Iterable[bytes]) -> dict[bytes, bytes]:
    left_out = tuple(prefixes)
    return {key: value for key, value in labels.items() if not key.startswith(left_out)}


def number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def time(value: object) -> int | None:
    """An RFC 3339 time, with up to nine decimals, in ns since the epoch. None for other things and before 1970."""
    if not isinstance(value, str):
        return None
    whole, dot, rest = value.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if dot else ""
    zone = rest[len(digits) :] if dot else ""
    try:
        seconds = datetime.fromisoformat(whole + zone).timestamp()
        nanoseconds = int(seconds) * 1_000_000_000 + (int(digits[:9].ljust(9, "0")) if digits else 0)
    except (ValueError, OverflowError):
        return None
    return nanoseconds if nanoseconds > 0 else None

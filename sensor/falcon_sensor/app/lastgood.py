"""The last good bundle: kept on the node, so that a restart without the operator still detects.

One file: a line of JSON (digest, revision), then the packed bundle. It is replaced as a whole, so a
crash leaves the old or the new one; and what the disk has made of it is noticed by its digest.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

NAME = "bundle"
_MOST_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """digest: ``sha256:...`` of the unpacked bytes, as it was announced."""

    digest: str
    packed: bytes


class Unusable(Exception):
    """There is a file, but no bundle can be had of it; the text says why."""


def read(directory: str) -> Kept | None:
    """None when there is none. Raises Unusable."""
    path = Path(directory) / NAME
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise Unusable(f"{path} is larger than any bundle")
            head, packed = file.readline(1024), file.read()
        digest = json.loads(head)["digest"]
        if not isinstance(digest, str):
            raise TypeError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise Unusable(f"{path} is damaged: it does not begin with its digest") from None
    return Kept(digest, packed)


def write(directory: str, kept: Kept) -> None:
    """Returns when it is on the disk. Raises OSError."""
    folder = Path(directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".{NAME}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(json.dumps({"digest": kept.digest}).encode() + b"\n" + kept.packed)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / NAME)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)

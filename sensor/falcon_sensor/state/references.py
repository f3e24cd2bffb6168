"""Image references: `[registry[:port]/]path[:tag][@digest]`, taken apart as Falco's fields want them."""

from __future__ import annotations

import re
from typing import NamedTuple

DIGEST = re.compile(rb"[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,}")


class Reference(NamedTuple):
    """repository: with its registry, as written. tag, digest (`sha256:...`): None where absent."""

    repository: bytes | None
    tag: bytes | None = None
    digest: bytes | None = None


def parse(reference: bytes) -> Reference:
    """Any bytes are accepted; a bare digest or 64 hexadecimal digits are an image id and have no repository."""
    if not reference or DIGEST.fullmatch(reference) or re.fullmatch(rb"[0-9a-f]{64}", reference):
        return Reference(None)
    name, at, digest = reference.partition(b"@")
    # A colon before the last slash belongs to the registry's port.
    path, colon, tag = name.rpartition(b":")
    if not colon or b"/" in tag:
        path, tag = name, b""
    return Reference(path or None, tag or None, digest if at and digest else None)

"""Bundles to bytes and back: the frame, the canonical JSON, the compression.

The JSON object has `format`, `revision`, `rules` and two tables, `operands` and `conditions`,
whose entries refer to earlier entries by number: a sub-tree that rules share is stored once, and
reading needs no recursion.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from typing import Any, Final

from falcon_rules import bundle
from falcon_rules.wire import nodes, rules
from falcon_rules.wire.shapes import WireError, members, whole

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of an unpacked bundle. All published Falco rules take under one MiB; a bomb takes more than this."""

_REVISION: Final = re.compile(rb',"revision":[0-9]+,"rules":')
"""Stands in canonical bytes exactly once: inside of texts quotes are escaped, and no other member is called so."""

__all__ = ["MAX_BYTES", "WireError", "digest", "dumps", "loads", "pack", "stamped", "unpack"]


def dumps(value: bundle.Bundle) -> bytes:
    """Canonical JSON: equal bundles give equal bytes."""
    writer = nodes.Writer()
    written = [rules.write(rule, writer) for rule in value.rules]
    whole_value = {
        "format": bundle.FORMAT_VERSION,
        "revision": value.revision,
        "operands": writer.operands,
        "conditions": writer.conditions,
        "rules": written,
    }
    # ASCII only: surrogate escapes (bytes that are not UTF-8) must survive.
    return json.dumps(whole_value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def stamped(data: bytes, revision: int) -> bytes:
    """What `dumps` gives for the bundle of `data` with another revision, without doing all the work again."""
    return _REVISION.sub(b',"revision":%d,"rules":' % revision, data, count=1)


def loads(data: bytes) -> bundle.Bundle:
    """The bundle of `dumps`. Raises WireError for everything else."""
    try:
        value = json.loads(data, parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not a bundle: no valid JSON ({error})") from None
    if not isinstance(value, dict) or "format" not in value:
        raise WireError("not a bundle: it has no format version")
    version = whole(value["format"], "format")
    if version != bundle.FORMAT_VERSION:
        raise WireError(
            f"the bundle has format version {version}, this program reads version {bundle.FORMAT_VERSION}; "
            "let operator and sensors have the same release"
        )
    entries = members(value, "bundle", ("format", "revision", "operands", "conditions", "rules"))
    return _bundle(entries)


def _bundle(entries: dict[str, Any]) -> bundle.Bundle:
    reader = nodes.Reader(entries["operands"], entries["conditions"])
    if not isinstance(entries["rules"], list):
        raise WireError("rules: a list is expected")
    read = tuple(rules.read(rule, reader, f"rules[{index}]") for index, rule in enumerate(entries["rules"]))
    return bundle.Bundle(read, whole(entries["revision"], "revision"))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members_found = dict(pairs)
    if len(members_found) != len(pairs):
        raise ValueError("an object names a member twice")
    return members_found


def pack(data: bytes) -> bytes:
    """Compressed for travelling; the same input always gives the same output."""
    return gzip.compress(data, compresslevel=6, mtime=0)


def unpack(packed: bytes, limit: int = MAX_BYTES) -> bytes:
    """What `pack` was given. Raises WireError if that is damaged or more than `limit` bytes."""
    if not packed:
        raise WireError("the compressed bundle is damaged: it is empty")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            data = stream.read(limit + 1)
            if len(data) > limit:
                raise WireError(f"the bundle is larger than {limit} bytes")
            return data
    except (OSError, EOFError, zlib.error) as error:
        raise WireError(f"the compressed bundle is damaged: {error}") from None


def digest(data: bytes) -> str:
    """The identity of a bundle: SHA-256 of its canonical bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()

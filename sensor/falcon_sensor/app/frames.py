"""What the sensor and its agent say to each other over a socket pair: frames of a JSON object and raw bytes.

    sensor -> agent   setup   once: settings of the cluster section and what does not change
                      force   digest, revision, rule_errors: what is in force from now on
                      done    id, and status, reason, error when a bundle was refused
                      health  id, and `api.health.Health` as plain data
    agent -> sensor   pods    items: all pods of the node (see `state.pods.slim`)
                      pod     item: one that came or changed
                      gone    uid, as in cgroup paths
                      bundle  id, digest; the bytes are the packed bundle
                      ask     id: how are you?

A frame is two lengths (little-endian 32 bits), the JSON text, the bytes. Both ends are ours, of one
release, started together, so nothing here has a version.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("<II")


class Frame(NamedTuple):
    """`kind` is what stands first in the table above."""

    kind: str
    fields: dict[str, Any]
    body: bytes = b""


def encode(kind: str, fields: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps([kind, fields]).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


class Decoder:
    """Gets bytes as they come, gives whole frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        self._data += data
        found = []
        while len(self._data) >= _LENGTHS.size:
            text, body = _LENGTHS.unpack_from(self._data)
            start, middle = _LENGTHS.size, _LENGTHS.size + text
            end = middle + body
            if len(self._data) < end:
                break
            kind, fields = json.loads(bytes(self._data[start:middle]))
            found.append(Frame(kind, fields, bytes(self._data[middle:end])))
            del self._data[:end]
        return found

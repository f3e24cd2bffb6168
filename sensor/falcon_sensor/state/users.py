"""User and group names, of the process's own container where it has files of its own."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = b"<NA>"
"""What the language prints for a name that is not known: a text that exists, not an absent value."""


@dataclass(frozen=True, slots=True)
class User:
    """home and shell are `UNKNOWN` when there is no entry."""

    uid: int
    name: bytes
    home: bytes
    shell: bytes


@dataclass(frozen=True, slots=True)
class Group:
    gid: int
    name: bytes

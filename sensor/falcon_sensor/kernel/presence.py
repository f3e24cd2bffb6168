"""Whether what was attached still is: a program runs only as long as its link's descriptor is held, here.

Who can trace this process can close a descriptor in it, and no event tells. So each is compared with
what it was when the programs were attached: the same object of the same sort. A look takes some 5 us
each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from falcon_sensor.kernel import bpf

_IDS = 12
"""Bytes of the kernel's info about a link that stay: type, id, program's id; of a program or map type and id."""


class _Identity(NamedTuple):
    """sort: what /proc/self/fd says (`anon_inode:bpf_link`). ids: empty for what is no object of BPF's."""

    sort: str
    ids: bytes


class Presence:
    """Of descriptors by name, as they are now."""

    def __init__(self, descriptors: Mapping[str, int]) -> None:
        self._descriptors = dict(descriptors)
        self._known = {name: _identity(descriptor) for name, descriptor in descriptors.items()}

    def lost(self) -> tuple[str, ...]:
        """Names of those that are closed, or something else by now."""
        return tuple(name for name in self._descriptors if not self.has(name))

    def has(self, name: str) -> bool:
        return self._known[name] is not None and _identity(self._descriptors[name]) == self._known[name]

    def close(self, names: Iterable[str]) -> None:
        """Closes those that are still ours: a number that somebody else got by now is not ours to close."""
        for name in names:
            if self.has(name):
                os.close(self._descriptors[name])


def _identity(descriptor: int) -> _Identity | None:
    try:
        sort = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
    try:
        return _Identity(sort, bpf.info(descriptor, _IDS))
    except OSError:
        return _Identity(sort, b"")

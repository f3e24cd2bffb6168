"""`pmatch`: is the value one of these paths or below one of them?

Paths are compared by components, so `/etc` holds for `/etc/passwd` but not for `/etcetera`, and a
component with a wildcard stands for exactly one component. The patterns make one tree; a value
walks it with the set of places it may be at, so many globs on one level cost no more than their
number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from falcon_rules.patterns import glob


@dataclass(slots=True)
class _Node:
    end: bool = False
    children: dict[bytes, _Node] = field(default_factory=dict)
    globs: dict[bytes, _Node] = field(default_factory=dict)


@functools.lru_cache(maxsize=1024)
def compile_paths(patterns: tuple[bytes, ...]) -> Callable[[bytes], bool]:
    """A test whether a value is, or lies below, one of `patterns`."""
    root = _Node()
    for pattern in patterns:
        node = root
        for part in _components(pattern):
            table = node.globs if glob.is_glob(part) else node.children
            node = table.setdefault(part, _Node())
        node.end = True
    return lambda value: _below(root, _components(value))


def _components(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part]


def _below(root: _Node, parts: list[bytes]) -> bool:
    places = [root]
    for part in parts:
        if any(place.end for place in places):
            return True
        following = [place.children[part] for place in places if part in place.children]
        for place in places:
            following += [child for text, child in place.globs.items() if glob.compile_glob(text)(part)]
        if not following:
            return False
        places = following
    return any(place.end for place in places)

"""Equal sub-trees of conditions as one object, across as many conditions as one likes.

Structural equality of deep trees would recurse and compare again and again; here children are
shared before their parents, so two parents are equal exactly when their children are the same
objects.
"""

from __future__ import annotations

from typing import TypeAlias

from falcon_rules import typed

_Key: TypeAlias = tuple[object, ...]


class Sharing:
    """Keeps every distinct node it was given."""

    def __init__(self) -> None:
        self._kept: dict[_Key, typed.Condition] = {}

    def node(self, part: typed.Condition) -> typed.Condition:
        """The first node equal to `part`, whose children must come from this object."""
        key: _Key
        if isinstance(part, typed.Comparison | typed.Truth):
            # The classes of values count: True equals 1 in Python but not in the language.
            key = (part, _classes(part))
        else:
            key = (type(part), *(id(child) for child in typed.children(part)))
        return self._kept.setdefault(key, part)

    def tree(self, condition: typed.Condition) -> typed.Condition:
        """`condition` rebuilt from shared nodes."""
        done: dict[int, typed.Condition] = {}
        for part in typed.postorder(condition):
            done[id(part)] = self.node(rebuilt(part, done))
        return done[id(condition)]


def rebuilt(part: typed.Condition, done: dict[int, typed.Condition]) -> typed.Condition:
    """`part` with each child replaced by what `done` holds for its id."""
    match part:
        case typed.All(children=children):
            return typed.All(tuple(done[id(child)] for child in children))
        case typed.Some(children=children):
            return typed.Some(tuple(done[id(child)] for child in children))
        case typed.Negation(child=child):
            return typed.Negation(done[id(child)])
        case _:
            return part


def _classes(part: typed.Comparison | typed.Truth) -> _Key:
    if isinstance(part, typed.Comparison) and isinstance(part.right, tuple):
        return tuple(type(value) for value in part.right)
    return ()

"""The event types a condition can hold for, by set algebra on its `evt.type` checks.

An index: a sensor looks at a rule only for these events, and the kernel side hooks only what
some rule needs. So the answer may be too large but never too small.
"""

from __future__ import annotations

from typing import TypeAlias

from falcon_rules import typed
from falcon_rules.compiler import fold
from falcon_rules.fields import events

_Set: TypeAlias = frozenset[str] | None
"""None stands for every type, those not known yet included."""

_NONE: frozenset[str] = frozenset()


def of(condition: typed.Condition) -> tuple[str, ...] | None:
    """Sorted names, empty for a condition that never holds; None means any event.

    Takes folded conditions and the exact ones of `types.check_exactly`: what was folded away
    narrows the answer further, which a sensor wants, and a report on a text may not.
    """
    positive: dict[int, _Set] = {}
    negative: dict[int, _Set] = {}
    for part in typed.postorder(condition):
        key = id(part)
        match part:
            case typed.Truth(value=value):
                positive[key], negative[key] = (None, _NONE) if value else (_NONE, None)
            case typed.Comparison():
                positive[key], negative[key] = _comparison(part)
            case typed.Negation(child=child):
                positive[key], negative[key] = negative[id(child)], positive[id(child)]
            case typed.All(children=children):
                positive[key] = _intersection([positive[id(child)] for child in children])
                negative[key] = _union([negative[id(child)] for child in children])
            case typed.Some(children=children):
                positive[key] = _union([positive[id(child)] for child in children])
                negative[key] = _intersection([negative[id(child)] for child in children])
    found = positive[id(condition)]
    return None if found is None else tuple(sorted(found))


def _comparison(part: typed.Comparison) -> tuple[_Set, _Set]:
    """Where the comparison may hold, and where its negation may."""
    decided = fold.event_number(part)
    if decided is not None:
        return (None, _NONE) if decided else (_NONE, None)
    if not isinstance(part.left, typed.FieldRef) or part.left.name not in ("evt.type", "syscall.type"):
        return None, None
    if part.op == "exists":
        # An event always has a type; that it is a system call is not certain.
        return (None, _NONE) if part.left.name == "evt.type" else (None, None)
    if part.modifier is not None or not isinstance(part.right, tuple):
        return None, None
    named = frozenset(value.decode("utf-8", "replace") for value in part.right if isinstance(value, bytes))
    others = events.names() - named
    if part.op in ("=", "in", "intersects"):
        return named, others
    if part.op == "!=":
        return others, named
    return None, None


def _intersection(sets: list[_Set]) -> _Set:
    result: _Set = None
    for one in sets:
        if one is not None:
            result = one if result is None else result & one
    return result


def _union(sets: list[_Set]) -> _Set:
    result: frozenset[str] = _NONE
    for one in sets:
        if one is None:
            return None
        result |= one
    return result

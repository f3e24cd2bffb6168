"""Constant folding and sharing: the last step of type checking.

What can be decided without an event is decided here (`evt.num = 0`, an empty list), comparisons
get one canonical form (no duplicates in lists, `= anyof` is `in`), and equal sub-trees become
one object, so that every engine and the wire format see each only once. Meaning is kept exactly,
unavailable fields included.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Final

from falcon_rules import sharing, typed

_DECIDE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_AFFIXES: Final = frozenset({"contains", "icontains", "startswith", "endswith", "bcontains", "bstartswith"})


def fold(condition: typed.Condition) -> typed.Condition:
    """An equivalent condition without constants inside; a constant one becomes `Truth`."""
    shared = sharing.Sharing()
    done: dict[int, typed.Condition] = {}
    # `postorder` yields objects that live as long as `condition` does, so their ids stay theirs.
    for part in typed.postorder(condition):
        done[id(part)] = shared.node(_fold_one(part, done))
    return done[id(condition)]


def _fold_one(part: typed.Condition, done: dict[int, typed.Condition]) -> typed.Condition:
    match part:
        case typed.All(children=children):
            return _chain([done[id(child)] for child in children], typed.All, neutral=True)
        case typed.Some(children=children):
            return _chain([done[id(child)] for child in children], typed.Some, neutral=False)
        case typed.Negation(child=child):
            inner = done[id(child)]
            if isinstance(inner, typed.Truth):
                return typed.Truth(not inner.value)
            return inner.child if isinstance(inner, typed.Negation) else typed.Negation(inner)
        case typed.Comparison():
            return comparison(part)
        case typed.Truth():
            return part


def _chain(children: list[typed.Condition], make: type[typed.All] | type[typed.Some], neutral: bool) -> typed.Condition:
    distinct: dict[int, typed.Condition] = {}
    for child in children:
        if isinstance(child, typed.Truth):
            if child.value is not neutral:
                return typed.Truth(not neutral)
        else:
            distinct.setdefault(id(child), child)
    if not distinct:
        return typed.Truth(neutral)
    parts = tuple(distinct.values())
    return parts[0] if len(parts) == 1 else make(parts)


def comparison(part: typed.Comparison) -> typed.Condition:
    """One comparison in canonical form, or its truth if that does not depend on the event."""
    if part.op == "exists" or not isinstance(part.right, tuple):
        return part
    decided = event_number(part)
    if decided is not None:
        return typed.Truth(decided)
    if part.modifier is not None:
        part = _without_modifier(part)
        if part.modifier is not None:
            # An empty list never holds, whatever the modifier.
            return part if part.right else typed.Truth(False)
    if part.op in ("in", "intersects", "pmatch"):
        return _list_comparison(part)
    if part.op in _AFFIXES and part.right == (b"",):
        return typed.Comparison("exists", part.left)
    return part


def _without_modifier(part: typed.Comparison) -> typed.Comparison:
    assert isinstance(part.right, tuple)
    if len(part.right) == 1:
        return dataclasses.replace(part, modifier=None)
    if part.modifier == "anyof" and part.op == "=" and part.right:
        return dataclasses.replace(part, op="in", modifier=None)
    return part


def _list_comparison(part: typed.Comparison) -> typed.Condition:
    assert isinstance(part.right, tuple)
    op = "in" if part.op == "intersects" and not part.left.many else part.op
    values = tuple(dict.fromkeys(part.right))
    # The empty list contains nothing, but an empty list field is in anything.
    if not values and not (op == "in" and part.left.many):
        return typed.Truth(False)
    return typed.Comparison(op, part.left, values)


def event_number(part: typed.Comparison) -> bool | None:
    """The truth of a comparison of `evt.num` that follows from "events count from 1", else None."""
    if part.left != typed.FieldRef("evt.num", None, typed.Kind.NUMBER) or part.modifier is not None:
        return None
    if not isinstance(part.right, tuple):
        return None
    values = [value for value in part.right if isinstance(value, int)]
    match part.op:
        case "=" | "in" | "intersects":
            return False if all(value < 1 for value in values) else None
        case "!=":
            return True if values[0] < 1 else None
        case "<" | "<=" | ">" | ">=":
            at_one, far = (_DECIDE[part.op](number, values[0]) for number in (1, 1 << 65))
            return at_one if at_one == far else None
        case _:
            return None

"""Fewer tests for the same meaning, before source is generated.

`proc.name = a or proc.name in (b, c)` is one look into a set, and so are the long rows of
`and not proc.name = x` that exceptions make; several prefixes are one `startswith`.
"""

from __future__ import annotations

from typing import TypeAlias

from falcon_rules import sharing, typed

_Group: TypeAlias = tuple[str, typed.FieldRef | typed.Transform, bool]


def merge(condition: typed.Condition, shared: sharing.Sharing) -> typed.Condition:
    """An equivalent of `condition` made of nodes of `shared`."""
    done: dict[int, typed.Condition] = {}
    for part in typed.postorder(condition):
        done[id(part)] = shared.node(_merged(sharing.rebuilt(part, done), shared))
    return done[id(condition)]


def _merged(part: typed.Condition, shared: sharing.Sharing) -> typed.Condition:
    if isinstance(part, typed.Some):
        children = _combine(part.children, shared, negated=False)
        return children[0] if len(children) == 1 else typed.Some(children)
    if isinstance(part, typed.All):
        children = _combine(part.children, shared, negated=True)
        return children[0] if len(children) == 1 else typed.All(children)
    return part


def _combine(
    children: tuple[typed.Condition, ...], shared: sharing.Sharing, negated: bool
) -> tuple[typed.Condition, ...]:
    """Children with those on one operand (or their negations) made one, in the first one's place."""
    groups: dict[_Group, list[typed.Comparison]] = {}
    places: list[typed.Condition | _Group] = []
    for child in children:
        core = child.child if negated and isinstance(child, typed.Negation) else child
        group = _group(core) if negated == isinstance(child, typed.Negation) else None
        if group is None or not isinstance(core, typed.Comparison):
            places.append(child)
            continue
        if group not in groups:
            places.append(group)
        groups.setdefault(group, []).append(core)
    result = []
    for place in places:
        if not isinstance(place, tuple):
            result.append(place)
            continue
        members = groups[place]
        one: typed.Condition = members[0] if len(members) == 1 else _union(place, members)
        one = shared.node(one)
        result.append(shared.node(typed.Negation(one)) if negated else one)
    return tuple(result)


def _group(part: typed.Condition) -> _Group | None:
    """Comparisons with an equal key can be united; the flag keeps booleans from numbers."""
    if not isinstance(part, typed.Comparison) or not isinstance(part.right, tuple) or part.left.many:
        return None
    if part.op in ("=", "in") and part.modifier is None and part.right:
        return ("in", part.left, isinstance(part.right[0], bool))
    if part.op in ("startswith", "endswith") and (part.modifier is None or part.modifier == "anyof"):
        return (part.op, part.left, False)
    return None


def _union(group: _Group, members: list[typed.Comparison]) -> typed.Comparison:
    values: dict[typed.Value, None] = {}
    for member in members:
        assert isinstance(member.right, tuple)
        values.update(dict.fromkeys(member.right))
    modifier = None if group[0] == "in" else "anyof"
    return typed.Comparison(group[0], group[1], tuple(values), modifier)

"""Whether one rule holds whenever another does, where that can be told from the conditions alone.

A cautious answer: True is certain, False may just mean that it takes more thought than this.
"""

from __future__ import annotations

from typing import Final

from falcon_rules import bundle, typed

_KEPT: Final = {
    "=": ("startswith", "endswith", "contains"),
    "in": ("startswith", "endswith", "contains"),
    "startswith": ("startswith", "contains"),
    "endswith": ("endswith", "contains"),
    "contains": ("contains",),
}
"""What a comparison's literal says about the field: which other comparisons can follow from it."""


def covers(wide: bundle.Rule, narrow: bundle.Rule) -> bool:
    """Whether `wide` certainly holds for every event that `narrow` holds for."""
    if wide.event_types is not None and (
        narrow.event_types is None or not set(narrow.event_types) <= set(wide.event_types)
    ):
        return False
    try:
        return _scope_covers(wide.scope, narrow.scope) and implies(narrow.condition, wide.condition)
    except RecursionError:
        return False


def implies(given: typed.Condition, wanted: typed.Condition) -> bool:
    """Whether `wanted` holds whenever `given` does."""
    facts = given.children if isinstance(given, typed.All) else (given,)
    goals = wanted.children if isinstance(wanted, typed.All) else (wanted,)
    return all(any(_part_implies(fact, goal) for fact in facts) for goal in goals)


def _part_implies(fact: typed.Condition, goal: typed.Condition) -> bool:
    if fact == goal or goal == typed.Truth(True):
        return True
    if isinstance(fact, typed.Some):
        return all(implies(each, goal) for each in fact.children)
    if isinstance(goal, typed.Some):
        return any(implies(fact, each) for each in goal.children)
    if isinstance(fact, typed.Negation) and isinstance(goal, typed.Negation):
        return implies(goal.child, fact.child)
    if isinstance(fact, typed.Comparison) and isinstance(goal, typed.Comparison):
        return _comparison_implies(fact, goal)
    return False


def _comparison_implies(fact: typed.Comparison, goal: typed.Comparison) -> bool:
    if fact.left != goal.left or fact.left.many or fact.modifier or goal.modifier:
        return False
    if goal.op == "exists":
        return fact.op in ("=", "in", "startswith", "endswith", "contains")
    if not fact.right or not isinstance(fact.right, tuple) or not isinstance(goal.right, tuple):
        return False
    if goal.op in ("=", "in") and fact.op in ("=", "in"):
        return set(fact.right) <= set(goal.right)
    return all(any(_value_implies(fact.op, value, goal.op, other) for other in goal.right) for value in fact.right)


def _value_implies(op: str, value: typed.Value, goal: str, other: typed.Value) -> bool:
    """For texts: what is equal to, or begins with, `value` certainly has that other beginning, end or part."""
    if not isinstance(value, bytes) or not isinstance(other, bytes):
        return False
    if goal not in _KEPT.get(op, ()):
        return False
    if goal == "startswith":
        return value.startswith(other)
    return value.endswith(other) if goal == "endswith" else other in value


def _scope_covers(wide: bundle.Scope, narrow: bundle.Scope) -> bool:
    return (
        wide.namespace in (None, narrow.namespace)
        and set(wide.pod_labels) <= set(narrow.pod_labels)
        and wide.container_names in ((), narrow.container_names)
        and wide.images in ((), narrow.images)
        and (wide.host or not narrow.host or bool(narrow.namespace))
    )

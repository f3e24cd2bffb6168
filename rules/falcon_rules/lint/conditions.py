"""What one condition gives away by itself: that it never or always holds, or means more than it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from falcon_rules import typed
from falcon_rules.fields import table
from falcon_rules.lint import implication

_ROOT = re.compile(rb"/(?:bin|boot|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)(?:/|$)")
"""Paths that begin at the root; `contains "/.ssh/"` means what it says."""
_PATHS = re.compile(
    r"fd\.name|fd\.directory|fs\.path\.(?:name|source|target)|proc\.(?:p|a)?exepath|proc\.cwd|evt\.arg\.path"
)


def constant(condition: typed.Condition, event_types: Sequence[str] | None) -> str | None:
    """Why the condition does not depend on the event, for people; None if it may.

    A cautious answer, as that of `implication`.
    """
    if event_types is not None and not event_types:
        return "the condition can never hold: no event is of all the types it asks for"
    try:
        if never(condition):
            return "the condition can never hold"
        if always(condition):
            return "the condition holds for every event"
    except RecursionError:
        return None
    return None


def never(condition: typed.Condition, given: Sequence[typed.Condition] = ()) -> bool:
    """Whether the condition certainly fails for every event for which everything `given` holds."""
    match condition:
        case typed.Truth(value=value):
            return not value
        case typed.Some(children=children):
            return all(never(child, given) for child in children)
        case typed.All(children=children):
            facts = [*given, *(child for child in children if not isinstance(child, typed.Some))]
            choices = [child for child in children if isinstance(child, typed.Some)]
            alone = (child for child in children if isinstance(child, typed.Negation | typed.Truth | typed.All))
            return _clash(facts) or any(map(never, alone)) or any(never(choice, facts) for choice in choices)
        case typed.Negation(child=child):
            return always(child) or _clash([*given, condition])
    return _clash([*given, condition])


def always(condition: typed.Condition) -> bool:
    """Whether the condition certainly holds for every event."""
    match condition:
        case typed.Truth(value=value):
            return value
        case typed.All(children=children):
            return all(map(always, children))
        case typed.Some(children=children):
            denied = [child.child for child in children if isinstance(child, typed.Negation)]
            return any(map(always, children)) or any(
                implication.implies(one, other) for one in denied for other in children
            )
        case typed.Negation(child=child):
            return never(child)
    return False


def rooted(condition: typed.Condition) -> Iterator[tuple[str, str]]:
    """Fields that hold absolute paths and values from the root that they are to contain."""
    seen = set()
    for part in typed.postorder(condition):
        if not isinstance(part, typed.Comparison) or part.op not in ("contains", "icontains"):
            continue
        if not isinstance(part.left, typed.FieldRef) or not _PATHS.fullmatch(part.left.name):
            continue
        for value in part.right if isinstance(part.right, tuple) else ():
            if isinstance(value, bytes) and _ROOT.match(value) and (part.left, value) not in seen:
                seen.add((part.left, value))
                yield part.left.name, value.decode("utf-8", "replace")


def _clash(facts: Sequence[typed.Condition]) -> bool:
    """Whether two of the facts exclude each other."""
    denied = [fact.child for fact in facts if isinstance(fact, typed.Negation)]
    held = [fact for fact in facts if not isinstance(fact, typed.Negation)]
    if any(implication.implies(fact, other) for fact in held for other in denied):
        return True
    values: dict[typed.FieldRef, set[typed.Value]] = {}
    for fact in held:
        found = _only(fact)
        if found is not None:
            field, allowed = found
            values[field] = values.get(field, allowed) & allowed
    return not all(values.values())


def _only(fact: typed.Condition) -> tuple[typed.FieldRef, set[typed.Value]] | None:
    """The field and the values one of which it must have; None for facts of another form."""
    if not isinstance(fact, typed.Comparison) or fact.op not in ("=", "in") or fact.modifier:
        return None
    left = fact.left
    if not isinstance(left, typed.FieldRef) or left.many or not isinstance(fact.right, tuple):
        return None
    if left.kind in (typed.Kind.NETWORK, typed.Kind.BYTES) or table.any_of(left.name, left.argument) is not None:
        return None
    return left, set(fact.right)

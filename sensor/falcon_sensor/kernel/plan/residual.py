"""What is left of the rules for the kernel: per event type one expression, true whenever a rule is.

    rule's condition  --decisions, bottom-up-->  expression of one rule  --or-->  of the event type

Every comparison is answered twice (may hold, may not hold), so negations only swap the answers
and no negation is left above a leaf. What the kernel can't decide is true both ways and falls out
by simplification.

    open_write and fd.name startswith /etc/ and not user.name = backup
    ->  (open_flags & 3 in {1, 2, 3}) and {^/etc/}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from falcon_rules import bundle, typed
from falcon_sensor.kernel.plan import decisions, expression, files, literals
from falcon_sensor.records import layout

DEEPEST = 100
"""Levels of a condition that are looked into; below them everything counts as unknown. Rules written by people
have fewer than ten; the bound keeps the recursion over expressions far from Python's own."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One rule's part of the filter for one event type."""

    rule: bundle.Rule
    condition: expression.Expression


def wishes(rules: Iterable[bundle.Rule], event: str) -> list[Wish]:
    """What each rule that can hold for `event` asks of the kernel; rules that never hold are left out."""
    view = decisions.View(layout.KIND_OF[event], event)
    known: dict[typed.Comparison, decisions.Decision] = {}
    found = []
    for rule in rules:
        if rule.source != "syscall" or (rule.event_types is not None and event not in rule.event_types):
            continue
        condition = expression.every(decided(rule.condition, view, known).holds, _scope(rule), _outcome(rule, view))
        condition = expression.consistent(condition)
        if condition != expression.FALSE:
            found.append(Wish(rule, condition))
    return found


def combined(found: Iterable[Wish]) -> expression.Expression:
    return expression.some(*(wish.condition for wish in found))


def decided(
    condition: typed.Condition,
    view: decisions.View,
    known: dict[typed.Comparison, decisions.Decision] | None = None,
) -> decisions.Decision:
    """Both answers for a whole condition. `known` keeps those of comparisons from call to call."""
    known = {} if known is None else known
    done: dict[int, decisions.Decision] = {}
    pending: list[tuple[typed.Condition, int, bool]] = [(condition, 0, False)]
    while pending:
        node, depth, children_done = pending.pop()
        if id(node) in done:
            continue
        if isinstance(node, typed.Truth):
            done[id(node)] = decisions.constant(node.value)
        elif isinstance(node, typed.Comparison):
            if node not in known:
                known[node] = literals.decide(node, view)
            done[id(node)] = known[node]
        elif depth > DEEPEST:
            done[id(node)] = decisions.UNKNOWN
        elif not children_done:
            pending.append((node, depth, True))
            pending += [(child, depth + 1, False) for child in _children(node)]
        elif isinstance(node, typed.Negation):
            done[id(node)] = done[id(node.child)].swapped
        else:
            combine = decisions.both if isinstance(node, typed.All) else decisions.either
            done[id(node)] = combine(done[id(child)] for child in node.children)
    return done[id(condition)]


def _children(node: typed.All | typed.Some | typed.Negation) -> Sequence[typed.Condition]:
    return (node.child,) if isinstance(node, typed.Negation) else node.children


def _scope(rule: bundle.Rule) -> expression.Expression:
    """A scope that selects containers, by whatever, sees no host process."""
    scope = rule.scope
    selects = scope.namespace or scope.pod_labels or scope.container_names or scope.images
    return literals.IN_CONTAINER if selects or not scope.host else expression.TRUE


def _outcome(rule: bundle.Rule, view: decisions.View) -> expression.Expression:
    """Failed execs are for rules that look at the result; "a process was spawned" is not true of them."""
    if view.kind is not layout.Kind.EXEC or tests_result(rule.condition):
        return expression.TRUE
    return files.SUCCEEDED


def tests_result(condition: typed.Condition) -> bool:
    """Whether some comparison looks at how the call ended."""
    return any(
        field.name in literals.RESULT_FIELDS or (field.name in ("evt.arg", "evt.rawarg"))
        for field in _fields(condition)
    )


def _fields(condition: typed.Condition) -> Iterable[typed.FieldRef]:
    pending: list[typed.Condition | typed.Operand] = [condition]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, typed.FieldRef):
            yield node
        elif isinstance(node, typed.All | typed.Some | typed.Negation):
            pending += _children(node)
        elif isinstance(node, typed.Comparison):
            pending += (node.left, node.right) if not isinstance(node.right, tuple) else (node.left,)
        elif isinstance(node, typed.Transform):
            pending += node.arguments
        elif isinstance(node, typed.ListOf):
            pending += node.items

"""Host names in conditions: `fd.sip.name = example.org` asks whether the address is one of that host's.

    Comparison(fd.sip.name = example.org)   ->   Comparison(fd.sip.name[example.org] = true)

The name that a rule writes becomes the field's argument, and the field with it a truth value that
`fields.addresses` extracts: the address is among those that `state.hosts` has found for the name.
Other operators (`contains`, ...) compare the name that is known for the address.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from falcon_rules import bundle, typed

FIELDS = frozenset(f"fd.{side}ip.name" for side in "cslr")


def named(rule: bundle.Rule) -> bundle.Rule:
    """The rule with its comparisons of host names made comparisons of addresses."""
    if not any(True for _ in _comparisons(rule.condition)):
        return rule
    return dataclasses.replace(rule, condition=_rewritten(rule.condition))


def names_of(condition: typed.Condition) -> Iterator[bytes]:
    """The host names that the condition asks about."""
    for comparison in _comparisons(condition):
        assert isinstance(comparison.right, tuple)
        yield from (value for value in comparison.right if isinstance(value, bytes))


def _comparisons(condition: typed.Condition) -> Iterator[typed.Comparison]:
    for part in typed.postorder(condition):
        if isinstance(part, typed.Comparison) and _asks_for_host(part):
            yield part


def _asks_for_host(part: typed.Comparison) -> bool:
    return (
        isinstance(part.left, typed.FieldRef)
        and part.left.name in FIELDS
        and isinstance(part.right, tuple)
        and part.op in ("=", "!=", "in")
        and part.modifier in (None, "anyof")
    )


def _rewritten(node: typed.Condition) -> typed.Condition:
    if isinstance(node, typed.Comparison):
        return _as_address(node) if _asks_for_host(node) else node
    if isinstance(node, typed.Negation):
        return typed.Negation(_rewritten(node.child))
    if isinstance(node, typed.All | typed.Some):
        return type(node)(tuple(map(_rewritten, node.children)))
    return node


def _as_address(comparison: typed.Comparison) -> typed.Condition:
    left, right = comparison.left, comparison.right
    assert isinstance(left, typed.FieldRef)
    assert isinstance(right, tuple)
    tests = tuple(
        typed.Comparison(
            "=",
            typed.FieldRef(left.name, value.decode("utf-8", "surrogateescape"), typed.Kind.BOOL),
            (comparison.op != "!=",),
        )
        for value in right
        if isinstance(value, bytes)
    )
    return tests[0] if len(tests) == 1 else typed.Some(tests)

"""A rule's scope as a condition.

Scope decides like any other test, inside the rule: a rule out of scope must not end the search
for the first match. It stands behind the rule's own condition, because most records fail that one
on a cheap field, while the scope may have to ask for container metadata.

Unavailable metadata never widens a scope: a comparison with it is false.
"""

from __future__ import annotations

import dataclasses

from falcon_rules import bundle, typed

HOST = b"host"


def scoped(rule: bundle.Rule) -> bundle.Rule:
    """The rule with its scope made part of its condition."""
    tests = _tests(rule.scope)
    if not tests:
        return rule
    return dataclasses.replace(rule, condition=typed.All((rule.condition, *tests)))


def _tests(scope: bundle.Scope) -> list[typed.Condition]:
    """All of these must hold.

    A scope that selects containers (by namespace, labels, name or image) selects no host process,
    whatever `host` says: `host` alone is about scopes that would otherwise see everything.
    """
    tests: list[typed.Condition] = []
    selects = bool(scope.namespace or scope.pod_labels or scope.container_names or scope.images)
    if selects or not scope.host:
        tests.append(typed.Negation(_equal("container.id", None, HOST)))
    if scope.namespace:
        tests.append(_equal("k8s.ns.name", None, scope.namespace.encode()))
    tests += [_equal("k8s.pod.label", key, value.encode()) for key, value in scope.pod_labels]
    if scope.container_names:
        tests.append(_any_glob(("container.name",), scope.container_names))
    if scope.images:
        # An image is written with or without its tag: `nginx*`, `registry/nginx:1.25`, `registry/nginx`.
        tests.append(_any_glob(("container.image", "container.image.repository"), scope.images))
    return tests


def _text(name: str, argument: str | None = None) -> typed.FieldRef:
    return typed.FieldRef(name, argument, typed.Kind.TEXT)


def _equal(name: str, argument: str | None, value: bytes) -> typed.Comparison:
    return typed.Comparison("=", _text(name, argument), (value,))


def _any_glob(names: tuple[str, ...], patterns: tuple[str, ...]) -> typed.Condition:
    return typed.Some(
        tuple(
            typed.Comparison("glob", _text(name), (pattern.encode(),))
            for name in names
            for pattern in dict.fromkeys(patterns)
        )
    )

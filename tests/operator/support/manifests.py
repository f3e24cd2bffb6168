"""Custom resources as the API server would give them."""

from __future__ import annotations

from typing import Any

from falcon_operator.reconcile import catalog, resources
from falcon_rules.model.manifests import Kind

SHELL = {
    "condition": "evt.type = execve and proc.name in (bash, sh)",
    "output": "%proc.name started by %user.name",
    "priority": "Warning",
}


def rule(
    name: str = "shell", namespace: str = "team", generation: int = 1, uid: str = "", **spec: Any
) -> resources.Resource:
    """A FalconRule that is good unless `spec` says otherwise."""
    ref = resources.Ref(Kind.RULE, namespace, name)
    return resources.Resource(ref, generation, {**SHELL, **spec}, uid=uid or f"{namespace}-{name}")


def cluster_rule(name: str = "shell", generation: int = 1, **spec: Any) -> resources.Resource:
    ref = resources.Ref(Kind.CLUSTER_RULE, "", name)
    return resources.Resource(ref, generation, {**SHELL, **spec}, uid=name)


def rule_set(name: str = "words", generation: int = 1, **spec: Any) -> resources.Resource:
    return resources.Resource(resources.Ref(Kind.RULE_SET, "", name), generation, spec, uid=name)


def compiled(*given: resources.Resource) -> catalog.Catalog:
    """A catalog with the resources, compiled."""
    result = catalog.Catalog()
    for each in given:
        result.put(each)
    result.compile()
    return result


def only(rules: catalog.Catalog, resource: resources.Resource) -> catalog.Entry:
    """The entry of a rule."""
    (entry,) = rules.of(resource.ref)
    return entry

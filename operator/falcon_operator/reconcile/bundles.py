"""Which rules each node should have.

The order is part of the meaning where only the first rule that holds alerts: rules of
ClusterFalconRules come first, so that no namespace can hide what the cluster's owner wants to
see; then those of rule sets, then those of namespaces. Within each the more urgent come first,
then by uid.
"""

from __future__ import annotations

from collections.abc import Iterable

from falcon_operator.reconcile import catalog, packages, resources


def plan(rules: Iterable[catalog.Entry], nodes: Iterable[resources.Node]) -> dict[str, packages.Content]:
    """The content for each node by name. Nodes for which the same rules are wanted share one object."""
    found = [entry for entry in rules if entry.enabled and entry.good is not None]
    contents: dict[tuple[str, ...], packages.Content] = {}
    planned = {}
    for node in nodes:
        chosen = [entry for entry in found if node.matches(entry.node_selector)]
        key = tuple(entry.uid for entry in chosen)
        if key not in contents:
            rules_here = tuple(entry.good for entry in chosen if entry.good is not None)
            contents[key] = packages.Content(rules_here, {entry.uid: entry.hash for entry in chosen})
        planned[node.name] = contents[key]
    return planned

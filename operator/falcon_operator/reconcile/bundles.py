"""Which rules each node should have.

The order is that in which one event's alerts are told: rules of ClusterFalconRules first, then
those of rule sets, in the order of their files, then those of namespaces; cluster and namespaced
rules with the more urgent ones first, then by uid. The chart has every rule that holds alert
(`rule_matching: all`). Where somebody sets `first`, the order is part of the meaning: no namespace
can hide what the cluster's owner wants to see.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from falcon_operator.reconcile import catalog, packages, resources

_Labels: TypeAlias = frozenset[tuple[str, str]]


def plan(rules: Iterable[catalog.Entry], nodes: Iterable[resources.Node]) -> dict[str, packages.Content]:
    """The content for each node by name, of rules in the order given (`Catalog.entries`).

    Nodes for which the same rules are wanted share one object, so there are as many contents as there are
    different answers to all node selectors, whatever the number of nodes.
    """
    found = [entry for entry in rules if entry.in_force is not None]
    selectors = {frozenset(entry.node_selector.items()): entry.node_selector for entry in found}
    contents: dict[frozenset[_Labels], packages.Content] = {}
    planned = {}
    for node in nodes:
        matching = frozenset(key for key, selector in selectors.items() if node.matches(selector))
        if matching not in contents:
            contents[matching] = _content(
                entry for entry in found if frozenset(entry.node_selector.items()) in matching
            )
        planned[node.name] = contents[matching]
    return planned


def _content(entries: Iterable[catalog.Entry]) -> packages.Content:
    rules, hashes = [], {}
    for entry in entries:
        if entry.in_force is not None:
            rules.append(entry.in_force)
            hashes[entry.uid] = entry.hash
    return packages.Content(tuple(rules), hashes)

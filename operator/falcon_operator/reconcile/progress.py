"""How far each rule has come on the nodes that should have it.

Nodes in the same state are counted together: 500 nodes are mostly one or two groups, so a rule's
counts cost as little as they would for three nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from falcon_operator.reconcile import packages, reports


@dataclass(frozen=True, slots=True)
class Counts:
    """Of nodes. failed: names with reasons, sorted by name."""

    desired: int = 0
    loaded: int = 0
    failed: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Group:
    """Nodes for which the same is planned and of which the same is known."""

    planned: packages.Content
    state: reports.NodeReport | None
    nodes: list[str]


class Fleet:
    """What is planned for each node, and what its sensor said; a snapshot."""

    def __init__(self, planned: Mapping[str, packages.Content], states: Mapping[str, reports.NodeReport]) -> None:
        groups: dict[object, _Group] = {}
        for node, content in planned.items():
            state = states.get(node)
            key = (id(content), None if state is None else _key(state))
            groups.setdefault(key, _Group(content, state, [])).nodes.append(node)
        self._groups = list(groups.values())

    def counts(self, wanted: Mapping[str, str]) -> Counts:
        """Of nodes that should have at least one of some rules. wanted: uid -> hash.

        A node counts as loaded when it has all of these that are planned for it, whatever else it still lacks.
        """
        desired = loaded = 0
        failed: list[tuple[str, str]] = []
        for group in self._groups:
            here = {uid: digest for uid, digest in wanted.items() if uid in group.planned.rule_hashes}
            if not here:
                continue
            desired += len(group.nodes)
            reason = _refusal(group.state, here)
            if reason is None and _has(group.state, here):
                loaded += len(group.nodes)
            elif reason is not None:
                failed += ((node, reason) for node in group.nodes)
        return Counts(desired, loaded, tuple(sorted(failed)))


def _key(state: reports.NodeReport) -> object:
    errors = state.report.rule_errors if state.report is not None else ()
    trouble = state.trouble
    return (id(state.rule_hashes), errors, None if trouble is None else (trouble.failure, trouble.message))


def _has(state: reports.NodeReport | None, wanted: Mapping[str, str]) -> bool:
    return state is not None and all(state.rule_hashes.get(uid) == digest for uid, digest in wanted.items())


def _refusal(state: reports.NodeReport | None, wanted: Mapping[str, str]) -> str | None:
    """Why the rules are not in force there, if that is a failure rather than a matter of time."""
    if state is None:
        return None
    for error in _errors(state):
        if error.uid in wanted and state.rule_hashes.get(error.uid, wanted[error.uid]) == wanted[error.uid]:
            return error.reason
    if state.trouble is not None and not _has(state, wanted):
        return f"{state.trouble.failure}: {state.trouble.message}"
    return None


def _errors(state: reports.NodeReport) -> Iterable[reports.RuleError]:
    return state.report.rule_errors if state.report is not None else ()


def nodes_of(planned: Mapping[str, packages.Content], uids: Iterable[str]) -> Iterator[str]:
    """The nodes for which at least one of the rules is planned."""
    chosen = frozenset(uids)
    return (node for node, content in planned.items() if not chosen.isdisjoint(content.rule_hashes))

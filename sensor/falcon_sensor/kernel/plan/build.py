"""From a bundle to a plan: the door of this package.

    rules -> wishes per event type (residual) -> clauses -> stages -> automata -> C

Event types whose filters come out the same share one. When the rules' text tests outgrow the
automata they are grouped ever more coarsely until they fit; `Made.notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from falcon_rules import bundle
from falcon_sensor.kernel.plan import (
    atoms,
    automaton,
    bounds,
    cfilter,
    clauses,
    contract,
    expression,
    files,
    residual,
    stages,
    tables,
)
from falcon_sensor.records import layout

PATH_BITS = 64 * tables.PATH_WORDS - 2
COMM_BITS = 64 * tables.COMM_WORDS


@dataclass(frozen=True, slots=True)
class Made:
    """A plan's parts before they became text. notes: for people, what had to be weakened and why."""

    filters: list[stages.Filter]
    paths: tables.Table | None
    comms: tables.Table | None
    failed_execs: bool
    notes: tuple[str, ...] = ()


def build(rules: bundle.Bundle) -> contract.Plan:
    """The plan for these rules. Never fails on account of a rule: what does not fit is weakened."""
    return plan_of(make(rules.rules))


def plan_of(made: Made) -> contract.Plan:
    content = {}
    for name, table in (("falcon_paths", made.paths), ("falcon_comms", made.comms)):
        if table is not None:
            content[name] = table.automaton.packed()
    return contract.Plan(
        events=frozenset(event for each in made.filters for event in each.events),
        filters=cfilter.generate(made.filters, made.paths, made.comms),
        failed_execs=made.failed_execs,
        tables=content,
    )


def make(rules: Iterable[bundle.Rule]) -> Made:
    listed = list(rules)
    wished = {event: residual.wishes(listed, event) for event in layout.EVENTS}
    found = {event: clauses.of_wishes(wishes) for event, wishes in wished.items() if wishes}
    failed = any(
        expression.every(condition, files.FAILED) != expression.FALSE
        for event, each in found.items()
        if layout.KIND_OF[event] is layout.Kind.EXEC
        for condition in each
    )
    notes = []
    for event, each in found.items():
        found[event] = bounds.bounded(each)
        if found[event] is not each:
            notes.append(f"{event}: the filter was cut to {bounds.MOST_LEAVES} tests")
    return _fitted(found, failed, notes)


def _fitted(found: dict[str, clauses.Clauses], failed: bool, notes: list[str]) -> Made:
    """Filters and automata, with text tests grouped until both automata are within their bounds."""
    path_limit, comm_limit, merge = PATH_BITS, COMM_BITS, True
    while True:
        filters = _filters(found, merge)
        tests = list(_texts(filters))
        paths = _table(tests, True, PATH_BITS)
        comms = _table(tests, False, COMM_BITS)
        if paths is not False and comms is not False:
            return Made(filters, paths, comms, failed, tuple(notes))
        merge = False
        if paths is False:
            found = _grouped(found, True, path_limit)
            notes.append(f"paths: tests share bits, at most {path_limit} different ones are left")
            path_limit //= 2
        if comms is False:
            found = _grouped(found, False, comm_limit)
            notes.append(f"process names: tests share bits, at most {comm_limit} different ones are left")
            comm_limit //= 2


def _filters(found: dict[str, clauses.Clauses], merge: bool) -> list[stages.Filter]:
    by_filter: dict[tuple[layout.Kind, frozenset[expression.Expression]], list[str]] = {}
    for event, each in found.items():
        by_filter.setdefault((layout.KIND_OF[event], frozenset(each)), []).append(event)
    return [stages.arranged(tuple(events), found[events[0]], merge=merge) for events in by_filter.values()]


def _texts(filters: Sequence[stages.Filter]) -> Iterable[atoms.Text]:
    for each in filters:
        conditions = [
            *each.alternatives,
            *(test for stage in (*each.early, *each.late) for test in clauses.tests_of(stage)),
        ]
        for condition in conditions:
            for leaf in expression.leaves(condition):
                if isinstance(leaf.atom, atoms.Text):
                    yield leaf.atom


def _table(tests: list[atoms.Text], of_paths: bool, most: int) -> tables.Table | Literal[False] | None:
    """The automaton, None without tests, False when they are too many."""
    own = sorted({test for test in tests if tables.is_path(test) == of_paths}, key=_order)
    if len(own) > most:
        return False
    try:
        return tables.paths(own) if of_paths else tables.comms(own)
    except automaton.TooLarge:
        return False


def _order(test: atoms.Text) -> tuple[atoms.Subject, list[atoms.Pattern]]:
    return test.subject, sorted(test.patterns)


def _grouped(found: dict[str, clauses.Clauses], of_paths: bool, most: int) -> dict[str, clauses.Clauses]:
    conditions = [condition for each in found.values() for condition in each]
    texts = bounds.texts_of(conditions, lambda test: tables.is_path(test) == of_paths)
    if most < 8:
        # Fewer bits than subjects there are: nothing left to group, and states may still be too many.
        return {event: clauses.changed(each, lambda leaf: _unknown(leaf, of_paths)) for event, each in found.items()}
    change = bounds.grouping(texts, most)
    return {event: clauses.changed(each, change) for event, each in found.items()}


def _unknown(leaf: expression.Leaf, of_paths: bool) -> expression.Expression:
    is_own = isinstance(leaf.atom, atoms.Text) and tables.is_path(leaf.atom) == of_paths
    return expression.TRUE if is_own else leaf

"""From a bundle to a plan: the door of this package.

    rules -> wishes per event type (residual) -> clauses -> stages -> automata -> C

Event types whose filters come out the same share one. When the rules' text tests outgrow the
automata they are grouped ever more coarsely until they fit; `Made.notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

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


def build(rules: bundle.Bundle, most_leaves: int = bounds.MOST_LEAVES) -> contract.Plan:
    """The plan for these rules. Never fails on account of a rule: what does not fit is weakened.

    most_leaves: size of each filter; a kernel that refuses the program takes one of fewer (0: a filter
    that wants everything, which any takes).
    """
    return plan_of(make(rules.rules, most_leaves))


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


def make(rules: Iterable[bundle.Rule], most_leaves: int = bounds.MOST_LEAVES) -> Made:
    """What `build` turns into text, for tests and explanations."""
    listed = list(rules)
    wished = {event: residual.wishes(listed, event) for event in layout.EVENTS}
    found = {event: clauses.of_wishes(wishes) for event, wishes in wished.items() if wishes}
    failed = any(
        expression.every(condition, files.FAILED) != expression.FALSE
        for event, each in found.items()
        if layout.KIND_OF[event] is layout.Kind.EXEC
        for condition in each
    )
    return _fitted(found, failed, most_leaves)


class _Space:
    """What one automaton has room for, and how the tests are made to fit."""

    def __init__(self, what: str, of_paths: bool, bits: int) -> None:
        self._what = what
        self._of_paths = of_paths
        self._most = bits
        self._bits = bits
        self._length = LONGEST

    def own(self, test: atoms.Text) -> bool:
        return tables.is_path(test) == self._of_paths

    def table(self, tests: Iterable[atoms.Text]) -> tables.Table | Literal["bits", "states"] | None:
        """The automaton of its own tests, None without any; else what they need too much of."""
        own = sorted({test for test in tests if self.own(test)}, key=_order)
        if len(own) > self._most:
            return "bits"
        try:
            return tables.paths(own) if self._of_paths else tables.comms(own)
        except automaton.TooLarge:
            return "states"

    def less(self, need: Literal["bits", "states"], found: Found, notes: list[str]) -> Found:
        """The clauses with fewer tests, or with shorter patterns, than the last time."""
        if need == "bits" and self._bits >= len(atoms.Subject):
            change = bounds.grouping(
                bounds.texts_of((c for each in found.values() for c in each), self.own), self._bits
            )
            notes.append(f"{self._what}: tests share bits, at most {self._bits} different ones are left")
            self._bits //= 2
        else:
            self._length //= 2
            change = bounds.shortening(self._length, self.own)
            notes.append(f"{self._what}: only {self._length} bytes of each pattern are compared")
        return {event: clauses.changed(each, change) for event, each in found.items()}


Found: TypeAlias = dict[str, clauses.Clauses]
"""By event type."""

LONGEST = 64
"""Bytes of a pattern that are compared when there are too many to compare all; then half of it, and so on."""


def _fitted(found: Found, failed: bool, most_leaves: int) -> Made:
    """Filters and automata, with text tests weakened until both automata are within their bounds."""
    notes: list[str] = []
    spaces = (_Space("paths", True, PATH_BITS), _Space("process names", False, COMM_BITS))
    merge = True
    while True:
        filters = [_bounded(events, each, merge, most_leaves, notes) for events, each in _shared(found)]
        tests = set(_texts(filters))
        made = [space.table(tests) for space in spaces]
        paths, comms = made
        if not isinstance(paths, str) and not isinstance(comms, str):
            return Made(filters, paths, comms, failed, tuple(dict.fromkeys(notes)))
        # From now on no unions of tests may arise while factoring: they would need bits again.
        merge = False
        found = {event: each.alternatives for each in filters for event in each.events}
        for space, need in zip(spaces, made, strict=True):
            if isinstance(need, str):
                found = space.less(need, found, notes)


def _bounded(
    events: tuple[str, ...], given: clauses.Clauses, merge: bool, most_leaves: int, notes: list[str]
) -> stages.Filter:
    step = 0
    while True:
        found = stages.arranged(events, bounds.weakened(given, step), merge=merge)
        leaves = bounds.leaves_of(found)
        if leaves <= most_leaves:
            break
        # Each step costs as much as all the rest; where much is to be saved the smaller ones would not do.
        further = 1 if leaves < 3 * most_leaves else 3
        step = min(step + further, bounds.STEPS - 1) if step < bounds.STEPS - 1 else bounds.STEPS
    if step:
        notes.append(f"{', '.join(events)}: the rules have too many tests, {_LEFT_OUT[step]} left out")
    return found


_LEFT_OUT = (
    "none is",
    "those of ancestors are",
    "those of ancestors and of names that a process must not have are",
    "all of the process but whether it is in a container are",
    "all of the process but whether it is in a container, and names that a file must not have, are",
    "all but the flags and one test of the file's name for each rule are",
    "all but the flags and one test of the file's name, or of the port, for each rule are",
    "all are",
)
"""By step of `bounds.weakened`."""


def _shared(found: dict[str, clauses.Clauses]) -> list[tuple[tuple[str, ...], clauses.Clauses]]:
    """Event types of one kind with the same clauses, together."""
    by_filter: dict[tuple[layout.Kind, frozenset[expression.Expression]], list[str]] = {}
    for event, each in found.items():
        by_filter.setdefault((layout.KIND_OF[event], frozenset(each)), []).append(event)
    return [(tuple(events), found[events[0]]) for events in by_filter.values()]


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


def _order(test: atoms.Text) -> tuple[atoms.Subject, list[atoms.Pattern]]:
    return test.subject, sorted(test.patterns)

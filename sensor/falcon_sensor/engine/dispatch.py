"""Which rules are tried on an event, and which of them hold.

For each event type the candidate rules are one generated function. Three things make one function
per type too few:

* **Failed execs.** The language calls a successful exec "a process was spawned", and its rules
  rely on it. A failed execve or execveat is tried only on rules whose condition tests the result
  (`evt.res`, `evt.failed`, `evt.rawres`, `evt.arg.res`, ...); all others do not see it.
* **Shadow rules** are tried apart, so that in first mode they never hide an active rule.
* **The other name** of an opened file (see `event`) is tried only on rules that read a name.

A rule that raises while it is evaluated must not silence the others: the event is then tried on
every rule by itself, and what raised is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from falcon_rules import bundle, evaluate
from falcon_sensor.engine import event, naming, scoping
from falcon_sensor.engine.fields import registry
from falcon_sensor.records import layout

Report = Callable[[int, Exception], None]
"""Gets the rule's index and what it raised."""


class Hit(NamedTuple):
    """rule: index in the bundle. path: the given name if the rule held under that one only, else None."""

    rule: int
    path: bytes | None


class _Group:
    """Candidates of one generated function, in the bundle's order."""

    def __init__(self, rules: Sequence[bundle.Rule], indexes: Sequence[int], first: bool, report: Report) -> None:
        self._conditions = [(index, rules[index].condition) for index in indexes]
        self._first = first
        self._report = report
        self._singles: dict[int, evaluate.Predicate] | None = None
        self._function: evaluate.Rules | None = None
        try:
            self._function = evaluate.compile_rules(self._conditions, registry.resolver, first)
        except Exception:  # one rule is too much for the generator: those that are not go on, each by itself
            self._singles = self._compiled_singly()

    def __bool__(self) -> bool:
        return bool(self._conditions)

    @property
    def indexes(self) -> list[int]:
        """Of its rules, in the bundle."""
        return [index for index, _ in self._conditions]

    @property
    def source(self) -> str:
        return self._function.source if self._function is not None else ""

    def __call__(self, e: event.Event) -> Sequence[int]:
        """Indexes (in the bundle) of the rules that hold; at most one in first mode."""
        if self._function is None:
            return self._one_by_one(e)
        try:
            return self._function(e)
        except Exception:  # whatever one rule raises, the others must be heard
            return self._one_by_one(e)

    def _compiled_singly(self) -> dict[int, evaluate.Predicate]:
        predicates = {}
        for index, condition in self._conditions:
            try:
                predicates[index] = evaluate.compile_condition(condition, registry.resolver)
            except Exception as error:
                self._report(index, error)
        return predicates

    def _one_by_one(self, e: event.Event) -> list[int]:
        if self._singles is None:
            self._singles = self._compiled_singly()
        hits = []
        for index, predicate in self._singles.items():
            try:
                holds = predicate(e)
            except Exception as error:
                self._report(index, error)
                continue
            if holds:
                hits.append(index)
                if self._first:
                    break
        return hits


class _Tables(NamedTuple):
    """The groups of one event type (and, for exec, outcome). by_name, shadow_by_name: those that read a file's name."""

    active: _Group
    by_name: _Group
    shadow: _Group
    shadow_by_name: _Group


class Dispatcher:
    """Holds a function for every event type; `match` is the whole of its work.

    indexes: of the rules that are switched on. report: told of every rule that raised.
    """

    def __init__(self, rules: Sequence[bundle.Rule], indexes: Sequence[int], *, first: bool, report: Report) -> None:
        self._rules = [scoping.scoped(naming.named(rule)) for rule in rules]
        self._first = first
        self._report = report
        self._groups: dict[tuple[tuple[int, ...], bool], _Group] = {}
        self._tables: dict[tuple[str, bool], _Tables] = {}
        for event_type, kind in layout.KIND_OF.items():
            candidates = [index for index in indexes if _can_match(rules[index], event_type)]
            self._tables[event_type, False] = self._build(candidates)
            if kind is layout.Kind.EXEC:
                candidates = [index for index in candidates if registry.tests_result(rules[index].condition)]
            self._tables[event_type, True] = self._build(candidates)

    def candidates(self, e: event.Event) -> list[int]:
        """Indexes of the rules that are tried on this event, whatever its name."""
        tables = self._tables[e.type, e.failed]
        return [*tables.active.indexes, *tables.shadow.indexes]

    def predicate(self, index: int) -> evaluate.Predicate:
        """One rule's condition by itself. Raises what the generator raises."""
        return evaluate.compile_condition(self._rules[index].condition, registry.resolver)

    def match(self, e: event.Event) -> list[Hit]:
        """Active rules that hold (at most one in first mode) and all shadow rules that do, by the bundle's order."""
        tables = self._tables[e.type, e.failed]
        found: dict[int, bytes | None] = dict.fromkeys((*tables.active(e), *tables.shadow(e)))
        if (tables.by_name or tables.shadow_by_name) and (other := e.other_name) is not None:
            opened, e.path = e.path, other
            for index in (*tables.by_name(e), *tables.shadow_by_name(e)):
                found.setdefault(index, other)
            e.path = opened
        hits = [Hit(index, found[index]) for index in sorted(found)]
        return self._only_first(hits) if self._first else hits

    def sources(self) -> dict[str, str]:
        """The generated function of each event type's active rules; of execs, the successful ones."""
        return {kind: tables.active.source for (kind, failed), tables in self._tables.items() if not failed}

    def _only_first(self, hits: list[Hit]) -> list[Hit]:
        """Each of the two names may have found a first rule: the earlier one of them counts."""
        kept: list[Hit] = []
        decided = False
        for hit in hits:
            active = self._rules[hit.rule].mode is bundle.Mode.ACTIVE
            if not (active and decided):
                kept.append(hit)
            decided = decided or active
        return kept

    def _build(self, candidates: Sequence[int]) -> _Tables:
        active = [index for index in candidates if self._rules[index].mode is bundle.Mode.ACTIVE]
        shadow = [index for index in candidates if self._rules[index].mode is bundle.Mode.SHADOW]
        return _Tables(
            self._group(active, self._first),
            self._group(self._by_name(active), self._first),
            self._group(shadow, False),
            self._group(self._by_name(shadow), False),
        )

    def _by_name(self, candidates: Sequence[int]) -> list[int]:
        return [index for index in candidates if registry.depends_on_name(self._rules[index].condition)]

    def _group(self, candidates: Sequence[int], first: bool) -> _Group:
        """Event types with the same candidates share one function."""
        key = (tuple(candidates), first)
        if key not in self._groups:
            self._groups[key] = _Group(self._rules, key[0], first, self._report)
        return self._groups[key]


def _can_match(rule: bundle.Rule, event_type: str) -> bool:
    return rule.source == "syscall" and (rule.event_types is None or event_type in rule.event_types)

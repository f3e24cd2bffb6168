"""Every resource, and what it compiles to.

Resources go in one by one as they change; `compile` then does what they ask for all at once, and
only that: a rule is compiled again when it changed, or when a macro or list that it uses (or a
word in it that has just become the name of one) did. A rule that breaks leaves the last version
that compiled in force.

`put`, `remove` and all that reads may be called from one thread while `compile` runs in another;
what reads sees the state of the last finished `compile`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from falcon_operator.reconcile import compiling, resources, sets
from falcon_rules import bundle
from falcon_rules.diagnostics import Diagnostic
from falcon_rules.loading import library
from falcon_rules.model import manifests

Verdict = compiling.Verdict

_TIERS = {manifests.Kind.CLUSTER_RULE: 0, manifests.Kind.RULE_SET: 1, manifests.Kind.RULE: 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """What one rule came to.

    uid: in the bundle. owner: the resource it stands in (a rule set holds several); generation: of the owner, the
    one that was compiled. good: the version to be in force, of an earlier generation if `verdict` is not GOOD;
    None if no version ever compiled. hash: of `good`. enabled: false keeps it out of bundles.
    """

    uid: str
    owner: resources.Ref
    generation: int
    verdict: Verdict
    enabled: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    good: bundle.Rule | None = field(default=None, repr=False)
    hash: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    order: tuple[int, int, str] = (0, 0, "")
    words: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def in_force(self) -> bundle.Rule | None:
        """What bundles should hold of it."""
        return self.good if self.enabled else None


def order_of(ref: resources.Ref, uid: str, rule: bundle.Rule | None, place: int | None = None) -> tuple[int, int, str]:
    """Where a rule stands among all, see `bundles`. place: in the rule files of sets."""
    urgency = place if place is not None else int(rule.priority) if rule is not None else 0
    return (_TIERS[ref.kind], urgency, uid)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a `compile` did. uids: of rules whose entry changed, came or went. refs: whose status may differ."""

    uids: frozenset[str] = frozenset()
    refs: frozenset[resources.Ref] = frozenset()


@dataclass(frozen=True)
class _State:
    """All that is known after a `compile`; never changed, only replaced."""

    known: Mapping[resources.Ref, resources.Resource] = field(default_factory=dict)
    found_sets: Mapping[resources.Ref, sets.Set] = field(default_factory=dict)
    shared: sets.Shared = field(default_factory=lambda: sets.combine(()))
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @cached_property
    def ordered(self) -> Sequence[Entry]:
        return tuple(sorted(self.entries.values(), key=lambda entry: entry.order))

    @cached_property
    def by_owner(self) -> Mapping[resources.Ref, Sequence[Entry]]:
        found: dict[resources.Ref, list[Entry]] = {}
        for entry in self.ordered:
            found.setdefault(entry.owner, []).append(entry)
        return found


class Catalog:
    """See the module."""

    def __init__(self) -> None:
        self._state = _State()
        self._latest: dict[resources.Ref, resources.Resource] = {}
        self._pending: dict[resources.Ref, resources.Resource | None] = {}
        self._recalled: dict[str, bundle.Rule] = {}
        self._considered: tuple[resources.Resource, _State, tuple[sets.Set, sets.Shared]] | None = None
        self._lock = threading.Lock()
        self._compiler = threading.Lock()

    # ------------------------------------------------------------------------------------ going in

    def put(self, resource: resources.Resource) -> bool:
        """Takes a new or changed resource; whether there is something to compile."""
        if resource.ref.kind not in _TIERS:
            return False
        with self._lock:
            known = self._latest.get(resource.ref)
            self._latest[resource.ref] = resource
            # Statuses name the generation, so a new one counts even if it says the same.
            if known is not None and (known.uid, known.generation) == (resource.uid, resource.generation):
                return False
            self._pending[resource.ref] = resource
            return True

    def remove(self, ref: resources.Ref) -> bool:
        """Forgets a resource that was deleted, and its last good version; whether there is something to compile."""
        with self._lock:
            if self._latest.pop(ref, None) is None:
                return False
            self._pending[ref] = None
            return True

    def remove_namespace(self, namespace: str) -> bool:
        """Forgets all resources of a namespace that was deleted."""
        refs = [ref for ref in self._latest if namespace and ref.namespace == namespace]
        return [self.remove(ref) for ref in refs].count(True) > 0

    def recall(self, rules: Iterable[bundle.Rule]) -> None:
        """Last good versions from before a restart, see `held`; for rules that turn out to be broken."""
        self._recalled = {rule.uid: rule for rule in rules}

    # ------------------------------------------------------------------------------------ compiling

    def compile(self) -> Changes:
        """Compiles what was put since the last time, and what that touches."""
        with self._lock:
            pending, self._pending = self._pending, {}
        try:
            return self._compile(pending)
        except Exception:
            # Whatever it was, the next call tries again with all of it.
            with self._lock:
                self._pending = {**pending, **self._pending}
            raise

    def _compile(self, pending: Mapping[resources.Ref, resources.Resource | None]) -> Changes:
        old = self._state
        known = {ref: each for ref, each in {**old.known, **pending}.items() if each is not None}
        found_sets, shared = self._sets(old, pending)
        entries = dict(self._entries(old, known, pending, found_sets, shared))
        self._state = _State(known, found_sets, shared, entries)
        return _changes(old, self._state, pending.keys())

    def _sets(
        self, old: _State, pending: Mapping[resources.Ref, resources.Resource | None]
    ) -> tuple[Mapping[resources.Ref, sets.Set], sets.Shared]:
        changed = [ref for ref in pending if ref.kind is manifests.Kind.RULE_SET]
        if not changed:
            return old.found_sets, old.shared
        found = dict(old.found_sets)
        for ref in changed:
            resource, last = pending[ref], found.pop(ref, None)
            if resource is not None:
                found[ref] = sets.read(resource, last)
        return found, sets.combine(found.values())

    def _entries(
        self,
        old: _State,
        known: Mapping[resources.Ref, resources.Resource],
        pending: Iterable[resources.Ref],
        found_sets: Mapping[resources.Ref, sets.Set],
        shared: sets.Shared,
    ) -> Iterator[tuple[str, Entry]]:
        changed = frozenset[str]() if shared is old.shared else old.shared.library.changed(shared.library)
        new = frozenset(pending)
        for ref, resource in known.items():
            if ref.kind is manifests.Kind.RULE_SET:
                continue
            uid = compiling.uid_of(ref)
            before = old.entries.get(uid)
            if before is None or ref in new or _touched(before, changed):
                if before is not None and _is_another(old.known.get(ref), resource):
                    before = None
                with self._compiler:
                    outcome = compiling.compile_rule(resource, shared.library)
                yield uid, self._entry(uid, resource, outcome, before)
            else:
                yield uid, before
        yield from self._set_entries(old, found_sets, shared, changed)

    def _set_entries(
        self,
        old: _State,
        found_sets: Mapping[resources.Ref, sets.Set],
        shared: sets.Shared,
        changed: frozenset[str],
    ) -> Iterator[tuple[str, Entry]]:
        seen = set()
        for name, rule in shared.rules.items():
            uid = compiling.uid_in_set(rule.ref, name)
            seen.add(uid)
            before, rule_before = old.entries.get(uid), old.shared.rules.get(name)
            each = found_sets[rule.ref]
            same = rule_before is not None and rule_before.fingerprint() == rule.fingerprint()
            selector = each.spec.node_selector
            if before is None or not same or _touched(before, changed) or before.node_selector != selector:
                with self._compiler:
                    outcome = compiling.compile_in_set(rule.ref, rule.definition, each.spec, shared.library)
                yield uid, self._entry(uid, each.resource, outcome, before, rule.place)
            else:
                yield uid, _moved(before, each.resource.generation, rule.place)
        for uid, entry in old.entries.items():
            # A rule that is gone because its entry in the file is malformed now is not gone on purpose.
            ref = entry.owner
            if ref in found_sets and uid not in seen and any(each.is_error for each in shared.problems[ref]):
                yield uid, _lost(entry, found_sets[ref].resource.generation)

    def _entry(
        self,
        uid: str,
        resource: resources.Resource,
        outcome: compiling.Outcome,
        before: Entry | None,
        place: int | None = None,
    ) -> Entry:
        good, digest = outcome.rule, outcome.hash
        if good is None and outcome.verdict is not Verdict.SKIPPED:
            recalled = self._recalled.get(uid)
            good = before.good if before is not None else recalled
            digest = before.hash if before is not None else compiling.hash_of(recalled)
        enabled, selector = outcome.enabled, outcome.node_selector
        return Entry(
            uid,
            resource.ref,
            resource.generation,
            outcome.verdict,
            (before is None or before.enabled) if enabled is None else enabled,
            outcome.diagnostics,
            good,
            digest,
            (before.node_selector if before is not None else {}) if selector is None else selector,
            order_of(resource.ref, uid, good, place),
            outcome.words,
        )

    # ------------------------------------------------------------------------------------ reading

    def entries(self) -> Sequence[Entry]:
        """All rules, in the order in which sensors try them, see `bundles`."""
        return self._state.ordered

    def of(self, ref: resources.Ref) -> Sequence[Entry]:
        """The rules of one resource: one, or those of a rule set."""
        return self._state.by_owner.get(ref, ())

    def resource(self, ref: resources.Ref) -> resources.Resource | None:
        """As it was last compiled."""
        return self._state.known.get(ref)

    def refs(self) -> Sequence[resources.Ref]:
        """All resources that were compiled."""
        return sorted(self._state.known)

    def problems(self, ref: resources.Ref) -> Sequence[Diagnostic]:
        """What was found about a rule set beyond its rules' own diagnostics."""
        return self._state.shared.problems.get(ref, ())

    def rejections(self, ref: resources.Ref) -> Sequence[Diagnostic]:
        """Why a rule set as a whole does not count as it is now; empty if it does."""
        known = self._state.found_sets.get(ref)
        return () if known is None else known.problems

    def held(self) -> Sequence[bundle.Rule]:
        """Last good versions of rules that are broken now: what a restart would lose, so worth storing."""
        return [entry.good for entry in self.entries() if entry.verdict is not Verdict.GOOD and entry.good is not None]

    def check(self, resource: resources.Resource) -> tuple[Sequence[compiling.Outcome], Sequence[Diagnostic]]:
        """What would become of a resource if it were put: an outcome for each of its rules, and further findings.
        Nothing is kept. For admission."""
        state = self._state
        if resource.ref.kind is not manifests.Kind.RULE_SET:
            with self._compiler:
                return [compiling.compile_rule(resource, state.shared.library)], ()
        each, shared = self._with(resource, state)
        if each.problems:
            return (), each.problems
        outcomes = [
            compiling.compile_in_set(rule.ref, rule.definition, each.spec, shared.library)
            for rule in shared.rules.values()
            if rule.ref == resource.ref
        ]
        return outcomes, shared.problems[resource.ref]

    def breaks(self, resource: resources.Resource) -> Sequence[tuple[Entry, compiling.Outcome]]:
        """Rules of other resources that are good now and would not be if the rule set were put. For admission."""
        state = self._state
        if resource.ref.kind is not manifests.Kind.RULE_SET:
            return ()
        each, shared = self._with(resource, state)
        if each.problems:
            return ()
        changed = state.shared.library.changed(shared.library)
        broken = []
        for entry in self.entries():
            if entry.verdict is Verdict.GOOD and entry.owner != resource.ref and _touched(entry, changed):
                outcome = self._under(entry, state, shared)
                if outcome is not None and outcome.verdict is not Verdict.GOOD:
                    broken.append((entry, outcome))
        return broken

    def _with(self, resource: resources.Resource, state: _State) -> tuple[sets.Set, sets.Shared]:
        """All sets with this one put. The last answer is kept, because one admission asks twice, and sets are large."""
        last = self._considered
        if last is not None and last[0] is resource and last[1] is state:
            return last[2]
        each = sets.read(resource)
        others = (one for ref, one in state.found_sets.items() if ref != resource.ref)
        result = each, state.shared if each.problems else sets.combine([*others, each])
        self._considered = (resource, state, result)
        return result

    def _under(self, entry: Entry, state: _State, shared: sets.Shared) -> compiling.Outcome | None:
        """What a rule would come to with other shared macros and lists."""
        if entry.owner.kind is not manifests.Kind.RULE_SET:
            with self._compiler:
                return compiling.compile_rule(state.known[entry.owner], shared.library)
        for name, rule in shared.rules.items():
            if compiling.uid_in_set(rule.ref, name) == entry.uid:
                spec = state.found_sets[entry.owner].spec
                return compiling.compile_in_set(rule.ref, rule.definition, spec, shared.library)
        return None


def _touched(entry: Entry, changed: frozenset[str]) -> bool:
    return bool(changed) and (library.EVERYTHING in (changed, entry.words) or not changed.isdisjoint(entry.words))


def _is_another(old: resources.Resource | None, new: resources.Resource) -> bool:
    """Whether the resource was deleted and made again: then nothing of the old one stays in force."""
    return old is not None and old.uid != new.uid


def _moved(entry: Entry, generation: int, place: int) -> Entry:
    order = (entry.order[0], place, entry.uid)
    if (entry.generation, entry.order) == (generation, order):
        return entry
    return dataclasses.replace(entry, generation=generation, order=order)


def _lost(entry: Entry, generation: int) -> Entry:
    return dataclasses.replace(entry, generation=generation, verdict=Verdict.COMPILE_ERROR, diagnostics=())


def _changes(old: _State, new: _State, put: Iterable[resources.Ref]) -> Changes:
    uids = {uid for uid in old.entries.keys() | new.entries.keys() if old.entries.get(uid) is not new.entries.get(uid)}
    touched = set(put)
    for uid in uids:
        for state in (old, new):
            if uid in state.entries:
                touched.add(state.entries[uid].owner)
    if old.shared is not new.shared:
        touched |= {ref for ref in new.found_sets if old.shared.problems.get(ref) != new.shared.problems.get(ref)}
    return Changes(frozenset(uids), frozenset(touched))

"""All rule sets as one library of shared macros and lists, and the rules that stand in them.

Sets load in the order of their names, like the files of one folder. A set whose rule file stops
being YAML, or whose spec is malformed, counts as it last was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from falcon_operator.reconcile import resources
from falcon_rules.diagnostics import Diagnostic
from falcon_rules.loading import library, manifests
from falcon_rules.model import definitions
from falcon_rules.model import manifests as models


@dataclass(frozen=True, slots=True)
class Set:
    """One FalconRuleSet. spec: the last readable one. problems: why the newest is not; empty if it is the newest."""

    resource: resources.Resource
    spec: models.RuleSetSpec
    problems: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a rule file. place: its position among all of them, which is the order they are tried in."""

    ref: resources.Ref
    definition: definitions.RuleDefinition
    place: int

    def fingerprint(self) -> tuple[object, ...]:
        """Equal for rules that compile to the same, macros and lists apart."""
        rule = self.definition
        exceptions = tuple(
            (each.name, each.comps, tuple(map(str, each.fields)), tuple(map(_plain, each.values)))
            for each in rule.exceptions
        )
        switches = (rule.source, rule.enabled, rule.tags, rule.warn_evttypes, rule.skip_if_unknown_filter)
        texts = (rule.name, rule.condition.string, rule.output.string, rule.description)
        return (self.ref, *texts, rule.priority, *switches, exceptions)


def _plain(value: definitions.ExceptionValue) -> object:
    return str(value.text) if value.text is not None else tuple(map(_plain, value.items))


@dataclass(frozen=True, slots=True)
class Shared:
    """Everything the sets define. problems: of each set, beyond those of its rules."""

    library: library.Library
    rules: Mapping[str, Rule]
    problems: Mapping[resources.Ref, tuple[Diagnostic, ...]] = field(default_factory=dict)


def read(resource: resources.Resource, last: Set | None = None) -> Set:
    """A set as it counts: the new resource, or what the last one held."""
    owner = str(resource.ref)
    fallback = last.spec if last is not None else None
    spec, problems = manifests.parse(models.RuleSetSpec, resource.spec, owner)
    if spec is None:
        return Set(resource, fallback or models.RuleSetSpec(), problems)
    problems = manifests.unreadable(manifests.RuleSet(owner, spec))
    if problems:
        return Set(resource, fallback or spec.model_copy(update={"rules": ""}), problems)
    return Set(resource, spec)


def combine(sets: Iterable[Set]) -> Shared:
    """Loads the sets and prepares their macros and lists."""
    ordered = sorted(sets, key=lambda each: each.resource.ref)
    refs = {str(each.resource.ref): each.resource.ref for each in ordered}
    together = manifests.load_sets(manifests.RuleSet(str(each.resource.ref), each.spec) for each in ordered)
    prepared = library.Library(together.loaded)
    rules = {
        name: Rule(refs[together.owners[name]], definition, place)
        for place, (name, definition) in enumerate(together.loaded.rules.items())
    }
    found = (*together.loaded.diagnostics, *prepared.diagnostics)
    problems = {
        each.resource.ref: (*each.problems, *manifests.about(found, str(each.resource.ref))) for each in ordered
    }
    return Shared(prepared, rules, problems)

"""One rule from a manifest to what can go into a bundle: well-formed, compiled, tested.

What the operator does with a stored rule and what admission does with one that is about to be
stored are both this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from falcon_operator.reconcile import packages, resources
from falcon_rules import bundle, typed
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.loading import library, manifests
from falcon_rules.model import definitions
from falcon_rules.model import manifests as models
from falcon_rules.testing import cases


class Verdict(StrEnum):
    """What the compiler said about a rule as it is now; also the reason in statuses."""

    INVALID = "Invalid"
    """the spec is malformed"""
    COMPILE_ERROR = "CompileError"
    TEST_FAILED = "TestFailed"
    SKIPPED = "Skipped"
    """a rule of a rule file that asks to be skipped where a field is unknown, or of an unknown source"""
    GOOD = "Compiled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """rule: None unless `verdict` is GOOD. enabled, node_selector: None for a malformed spec.

    words: names of macros and lists whose change touches the rule, see `library.Compiled`.
    """

    verdict: Verdict
    diagnostics: tuple[Diagnostic, ...] = ()
    rule: bundle.Rule | None = None
    hash: str = ""
    enabled: bool | None = None
    node_selector: Mapping[str, str] | None = None
    words: frozenset[str] = field(default=frozenset(), repr=False)


def uid_of(ref: resources.Ref) -> str:
    """In bundles and alerts' metrics: ``NAMESPACE/NAME`` or ``cluster/NAME``; a namespace may be called cluster."""
    if not ref.namespace:
        return f"cluster/{ref.name}"
    return f"namespace:{ref.namespace}/{ref.name}" if ref.namespace == "cluster" else f"{ref.namespace}/{ref.name}"


def uid_in_set(ref: resources.Ref, rule: str) -> str:
    """Of a rule in a rule set: ``set:SET/RULE``. No namespace has a colon."""
    return f"set:{ref.name}/{rule}"


def hash_of(rule: bundle.Rule | None) -> str:
    """The hash that statuses show; "" for no rule."""
    return "" if rule is None else packages.rule_hash(rule)


def compile_rule(resource: resources.Resource, shared: library.Library) -> Outcome:
    """A FalconRule or ClusterFalconRule."""
    ref, owner = resource.ref, str(resource.ref)
    model = models.RuleSpec if ref.kind is models.Kind.RULE else models.ClusterRuleSpec
    spec, problems = manifests.parse(model, resource.spec, owner)
    if spec is None:
        return Outcome(Verdict.INVALID, problems)
    definition, local = manifests.rule_definition(spec, owner, ref.name)
    outcome = Outcome(Verdict.COMPILE_ERROR, enabled=spec.enabled, node_selector=spec.node_selector)
    if definition is None or any(each.is_error for each in local.diagnostics):
        words = frozenset[str]() if definition is None else shared.words(definition, local)
        return replace(outcome, diagnostics=tuple(local.diagnostics), words=words)
    result = shared.compile(definition, local)
    found = (*local.diagnostics, *result.diagnostics)
    if result.rule is None:
        return replace(outcome, diagnostics=found, words=result.words)
    failures = tuple(_failures(spec, owner, result.rule.condition))
    if failures:
        return replace(outcome, verdict=Verdict.TEST_FAILED, diagnostics=(*failures, *found), words=result.words)
    rule = manifests.rule_of(result.rule, spec, uid_of(ref), ref.namespace or None)
    return replace(
        outcome,
        verdict=Verdict.GOOD,
        diagnostics=found,
        rule=rule,
        hash=packages.rule_hash(rule),
        words=result.words,
    )


def compile_in_set(
    ref: resources.Ref, definition: definitions.RuleDefinition, spec: models.RuleSetSpec, shared: library.Library
) -> Outcome:
    """A rule of a rule file in a FalconRuleSet."""
    result = shared.compile(definition)
    outcome = Outcome(
        Verdict.COMPILE_ERROR,
        result.diagnostics,
        enabled=definition.enabled,
        node_selector=spec.node_selector,
        words=result.words,
    )
    if result.rule is None:
        failed = any(each.is_error for each in result.diagnostics)
        return outcome if failed else replace(outcome, verdict=Verdict.SKIPPED, enabled=False)
    rule = replace(result.rule.to_bundle(), uid=uid_in_set(ref, definition.name))
    return replace(outcome, verdict=Verdict.GOOD, rule=rule, hash=packages.rule_hash(rule))


def _failures(spec: models.RuleSpec, owner: str, condition: typed.Condition) -> Iterator[Diagnostic]:
    tests = [cases.Case(each.name, each.event, each.match) for each in spec.tests]
    for number, outcome in enumerate(cases.run(condition, tests)):
        if outcome.problem is not None:
            code = Code.TEST_FAILED if outcome.held is not None else Code.BAD_TEST
            place = Place(f"{owner}: spec.tests[{number}].event" + (f"[{outcome.key!r}]" if outcome.key else ""), 1, 1)
            message = f"the test {outcome.case.name!r} {outcome.problem}"
            yield Diagnostic(Severity.ERROR, code, message, place, outcome.suggestion)

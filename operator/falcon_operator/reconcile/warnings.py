"""What is legal and yet most likely not what its author means: the warnings of admission.

The compiler has warnings of its own (unused names, no event type); here are those that need a look
at other rules, or at what the condition has become.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from falcon_operator.reconcile import catalog, compiling, resources
from falcon_rules import bundle
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.lint import conditions, implication
from falcon_rules.model import documents, manifests

_MOST = 5
"""Rules that are named in one warning."""


def of(
    resource: resources.Resource, outcomes: Iterable[compiling.Outcome], entries: Sequence[catalog.Entry]
) -> list[Diagnostic]:
    """Warnings about a resource that is to be stored. outcomes: of `Catalog.check`. entries: all other rules, in
    the order they are tried; those of the resource itself do not count."""
    others = [entry for entry in entries if entry.owner != resource.ref and entry.in_force is not None]
    found: list[Diagnostic] = []
    for outcome in outcomes:
        if outcome.rule is not None:
            found += _about(resource, outcome, outcome.rule, others)
    return found


def _about(
    resource: resources.Resource, outcome: compiling.Outcome, rule: bundle.Rule, others: Sequence[catalog.Entry]
) -> Iterator[Diagnostic]:
    text = _text_of(resource)

    def warning(code: Code, message: str, place: Place, suggestion: str | None = None) -> Diagnostic:
        return Diagnostic(Severity.WARNING, code, message, place, suggestion, "rule", rule.name)

    start = text.place(0)
    constant = conditions.constant(rule.condition, rule.event_types)
    if constant is not None:
        yield warning(Code.CONSTANT_CONDITION, constant, start)
        return
    for field, value in conditions.rooted(rule.condition):
        message = f"{field} contains {value!r} also holds where that stands in the middle of a longer path"
        suggestion = f"{field} startswith {value}"
        yield warning(Code.LIKELY_PREFIX, message, _find(text, field, value), suggestion)
    hiding = list(_hiding(resource.ref, outcome, rule, others))
    if hiding:
        message = (
            f"where only the first rule that holds alerts, this one never does: {_named(hiding)} "
            "holds for all of its events and comes before it"
        )
        yield warning(Code.SHADOWED, message, start)
    same = [entry for entry in others if entry.in_force is not None and entry.in_force.name == rule.name]
    if same:
        yield warning(Code.DUPLICATE_NAME, f"alerts of {_named(same)} show the same name {rule.name!r}", start)


def _hiding(
    ref: resources.Ref, outcome: compiling.Outcome, rule: bundle.Rule, others: Iterable[catalog.Entry]
) -> Iterator[catalog.Entry]:
    if ref.kind is manifests.Kind.RULE_SET:
        return  # rule files bring their own order, and say so by it
    order = catalog.order_of(ref, rule.uid, rule)
    for entry in others:
        earlier = entry.in_force
        if earlier is None or entry.order >= order or earlier.mode is not rule.mode:
            continue
        everywhere = _is_part(entry.node_selector, outcome.node_selector or {})
        if everywhere and implication.covers(earlier, rule):
            yield entry


def _is_part(wide: Mapping[str, str], narrow: Mapping[str, str]) -> bool:
    return all(narrow.get(key) == value for key, value in wide.items())


def _text_of(resource: resources.Resource) -> documents.Document:
    key = "rules" if resource.ref.kind is manifests.Kind.RULE_SET else "condition"
    text = resource.spec.get(key)
    return documents.Document(f"{resource.ref}: spec.{key}", text if isinstance(text, str) else "")


def _find(text: documents.Document, field: str, value: str) -> Place:
    """Where the comparison was most likely written; in a macro of elsewhere it is nowhere in this text."""
    match = re.search(rf"{re.escape(field)}\s+i?contains\b[^=]{{0,200}}?{re.escape(value)}", text.text)
    return text.place(match.start(), len(field)) if match else text.place(0)


def _named(entries: Sequence[catalog.Entry]) -> str:
    names = [entry.uid for entry in entries[:_MOST]]
    return ", ".join(names) + (f" and {len(entries) - _MOST} more" if len(entries) > _MOST else "")

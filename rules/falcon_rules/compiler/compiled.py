"""The compiler's results."""

from __future__ import annotations

from dataclasses import dataclass

from falcon_rules import bundle, tree, typed
from falcon_rules.diagnostics import Diagnostic
from falcon_rules.model.definitions import RuleDefinition


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule that compiled.

    tree: its condition with lists, exceptions and macros expanded. condition: the same, typed and folded.
    written_event_types: of the condition as written; the bundle's may be fewer.
    active: enabled after all selections, and urgent enough.
    """

    definition: RuleDefinition
    tree: tree.Node
    condition: typed.Condition
    output_text: str
    output: bundle.Output
    written_event_types: tuple[str, ...] | None
    event_types: tuple[str, ...] | None
    active: bool

    def to_bundle(self) -> bundle.Rule:
        definition = self.definition
        return bundle.Rule(
            uid=definition.name,
            name=definition.name,
            priority=definition.priority,
            condition=self.condition,
            output=self.output,
            event_types=self.event_types,
            source=definition.source,
            description=definition.description,
            tags=tuple(sorted(definition.tags)),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """bundle: the active rules. rules: all that compiled, in order. diagnostics: in the order found."""

    bundle: bundle.Bundle
    rules: tuple[CompiledRule, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.is_error)

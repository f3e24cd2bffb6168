"""One rule from its definition to what a bundle carries.

The steps, in the language's order: exceptions around the condition's text, lists into it,
parsing, macros into the tree, types. The output text goes first, because it can be judged alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from falcon_rules import bundle, diagnostics, operands, tree, typed
from falcon_rules.compiler import (
    addresses,
    compiled,
    event_types,
    exceptions,
    fold,
    hints,
    macros,
    options,
    outputs,
    types,
)
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.model.definitions import RuleDefinition
from falcon_rules.model.documents import Text
from falcon_rules.syntax import walking

_UNKNOWN = frozenset({operands.Code.UNKNOWN_FIELD, operands.Code.UNKNOWN_EVENT_TYPE})


class _Skip(Exception):
    """The rule is left out without an error, which has been said already."""


class RuleCompiler:
    """Compiles rules that share macros, lists and options."""

    def __init__(
        self,
        conditions: macros.Conditions,
        places: addresses.Addresses,
        wanted: options.Options,
        found: list[Diagnostic],
        parse_output: outputs.Parse,
    ) -> None:
        self._conditions = conditions
        self._places = places
        self._wanted = wanted
        self._found = found
        self._parse_output = parse_output

    def compile(self, rule: RuleDefinition) -> compiled.CompiledRule | None:
        """The compiled rule, or None if it has an error or asked to be skipped; diagnostics say which."""
        try:
            return self._compile(rule)
        except diagnostics.Refusal as refusal:
            self._found.append(refusal.diagnostic)
        except macros.BrokenMacro as broken:
            message = f"the rule {rule.name!r} is left out because {broken}"
            self._found.append(rule.entry.finding(Severity.NOTE, Code.DEPENDS, message, rule.place()))
        except _Skip:
            pass
        return None

    def _compile(self, rule: RuleDefinition) -> compiled.CompiledRule:
        condition_text = exceptions.around(rule)
        text = outputs.text_of(rule, self._wanted, self._found)
        output = self._output(rule, text)
        node = self._conditions.parse(condition_text, rule.entry)
        node = self._conditions.expand(node, rule.entry)
        self._warn_of_deprecated(rule, node, output)
        self._hint(rule, hints.about_fields(node))
        exact = self._check(rule, node)
        self._hint(rule, hints.about_literals(node))
        written = event_types.of(exact)
        if rule.warn_evttypes and (written is None or len(written) > hints.MANY_EVENT_TYPES):
            message = (
                "the condition does not name its event types (evt.type), so it is evaluated for nearly every event"
            )
            self._warn(rule, Code.NO_EVTTYPE, message)
        condition = fold.fold(exact)
        return compiled.CompiledRule(
            rule, node, condition, text.string, output, written, event_types.of(condition), self._is_active(rule)
        )

    def _check(self, rule: RuleDefinition, node: tree.Node) -> typed.Condition:
        try:
            return types.check_exactly(node, rule.source)
        except operands.CheckError as error:
            place = self._places.place(error.span)
            self._skip_unknown(rule, error, place)
            rule.entry.refuse(Code.ERR_COMPILE_CONDITION, error.message, place, error.suggestion)

    def _output(self, rule: RuleDefinition, text: Text) -> bundle.Output:
        try:
            return self._parse_output(text.string)
        except operands.CheckError as error:
            place = text.place(error.span.start, max(1, error.span.end - error.span.start))
            self._skip_unknown(rule, error, place)
            rule.entry.refuse(Code.ERR_COMPILE_OUTPUT, error.message, place, error.suggestion)

    def _skip_unknown(self, rule: RuleDefinition, error: operands.CheckError, place: diagnostics.Place | None) -> None:
        """`skip-if-unknown-filter` turns unknown fields and event types into a warning."""
        if rule.skip_if_unknown_filter and error.code in _UNKNOWN:
            message = f"{error.message}; the rule is skipped, as it asks to be"
            self._warn(rule, Code.UNKNOWN_FILTER, message, place, error.suggestion)
            raise _Skip

    def _hint(self, rule: RuleDefinition, found: Iterable[hints.Hint]) -> None:
        for code, message, span, suggestion in found:
            self._warn(rule, code, message, self._places.place(span), suggestion)

    def _warn_of_deprecated(self, rule: RuleDefinition, node: tree.Node, output: bundle.Output) -> None:
        places: dict[str, diagnostics.Place | None] = {}
        for check in walking.checks(node):
            for field in (*walking.fields(check.left), *walking.fields(check.right)):
                if field.name in hints.DEPRECATED_FIELDS:
                    places.setdefault(field.name, self._places.place(field.span))
        for name in sorted(outputs.deprecated_fields(output)):
            places.setdefault(name, rule.entry.place("output"))
        for name, place in places.items():
            message = f"the field {name} is deprecated: it always has the same value"
            self._warn(rule, Code.DEPRECATED_ITEM, message, place)

    def _warn(
        self,
        rule: RuleDefinition,
        code: Code,
        message: str,
        place: diagnostics.Place | None = None,
        suggestion: str | None = None,
    ) -> None:
        place = place or rule.entry.place("condition")
        self._found.append(rule.entry.finding(Severity.WARNING, code, message, place, suggestion))

    def _is_active(self, rule: RuleDefinition) -> bool:
        enabled = rule.enabled
        for selection in self._wanted.selections:
            if selection.matches(rule.name, rule.tags):
                enabled = selection.enable
        return enabled and rule.priority <= self._wanted.min_priority

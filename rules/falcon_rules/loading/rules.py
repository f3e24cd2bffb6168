"""Rules: whole definitions, and what later entries do to them.

A whole definition replaces an earlier one completely and keeps its place in the order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from falcon_rules import diagnostics
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.loading import exceptions
from falcon_rules.model import definitions, documents, items, reading

SOURCES = frozenset({"syscall"})
_IDENTIFYING = ("condition", "output", "desc", "priority")


def apply(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    """What one entry with the key `rule` does. Raises Refusal."""
    found = loaded.diagnostics
    if not entry.name:
        entry.parse(items.RuleDefinition)
    appended, operations = reading.changes(entry, found)
    if operations:
        _override(loaded, entry, operations)
    elif appended:
        _append(loaded, entry)
    elif not any(key in entry.data for key in _IDENTIFYING):
        _switch(loaded, entry)
    else:
        _define(loaded, entry)


def _define(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    model = entry.parse(items.RuleDefinition)
    earlier = loaded.rules.get(model.rule)
    if earlier is not None:
        _check_source(entry, earlier, model.source)
        _warn_of_duplicate(loaded, entry, earlier)
    known = model.source in SOURCES
    if not known:
        message = f"there is no source {model.source!r}, so the rule is left out"
        place = entry.place("source")
        loaded.diagnostics.append(entry.finding(Severity.WARNING, Code.UNKNOWN_SOURCE, message, place))
    loaded.rules[model.rule] = definitions.RuleDefinition(
        name=model.rule,
        condition=entry.text("condition"),
        output=definitions.trimmed(entry.text("output")),
        description=model.desc,
        priority=model.priority,
        entry=entry,
        first=earlier.first if earlier else entry.index,
        source=model.source,
        known_source=known,
        enabled=model.enabled,
        tags=frozenset(model.tags),
        exceptions=exceptions.define(entry, model.exceptions, known, loaded.diagnostics),
        warn_evttypes=model.warn_evttypes,
        skip_if_unknown_filter=model.skip_if_unknown_filter,
        capture=model.capture,
        capture_duration=model.capture_duration,
    )


def _warn_of_duplicate(loaded: definitions.Loaded, entry: reading.Entry, earlier: definitions.RuleDefinition) -> None:
    """In a later file a second definition is how local files replace rules; in one file it is a slip."""
    if earlier.entry.document is not entry.document:
        return
    line = earlier.place().line
    message = f"the rule {earlier.name!r} is defined twice in this file, first in line {line}; the second one counts"
    loaded.diagnostics.append(entry.finding(Severity.ERROR, Code.DUPLICATE_NAME, message, entry.place("rule")))


def _append(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    """`append: true` carries a condition and exceptions; anything else it holds has never counted."""
    data: dict[str, Any] = {
        key: entry.data[key] for key in ("rule", "condition", "exceptions", "source") if key in entry.data
    }
    model = entry.parse(items.RuleChange, data)
    if model.condition is None and model.exceptions is None:
        entry.refuse(Code.ERR_VALIDATE, "an appended rule needs a condition or exceptions")
    keys = [key for key in ("condition", "exceptions") if key in data]
    _change(loaded, entry, model, dict.fromkeys(keys, items.Operation.APPEND))


def _override(loaded: definitions.Loaded, entry: reading.Entry, operations: dict[str, items.Operation]) -> None:
    data = {key: entry.data[key] for key in ("rule", "source", *operations) if key in entry.data}
    model = entry.parse(items.RuleChange, data)
    _existing(loaded, entry, "can be overridden")
    reading.check_all_overridden(entry, operations)
    _change(loaded, entry, model, operations)


def _change(
    loaded: definitions.Loaded, entry: reading.Entry, model: items.RuleChange, operations: dict[str, items.Operation]
) -> None:
    rule = _existing(loaded, entry, "can be appended to or overridden")
    if model.source:
        _check_source(entry, rule, model.source)
    for wanted in items.Operation:  # appends come before replacements
        for key, operation in operations.items():
            if operation is wanted:
                rule = _changed(rule, entry, model, key, operation, loaded.diagnostics)
    loaded.rules[rule.name] = rule


def _changed(
    rule: definitions.RuleDefinition,
    entry: reading.Entry,
    model: items.RuleChange,
    key: str,
    operation: items.Operation,
    found: list[Diagnostic],
) -> definitions.RuleDefinition:
    append = operation is items.Operation.APPEND
    if key in ("condition", "output"):
        earlier: documents.Text = getattr(rule, key)
        text = entry.text(key)
        if append:
            text = earlier.joined(text)
        changed: Any = definitions.trimmed(text) if key == "output" else text
    elif key == "desc":
        assert model.desc is not None
        return replace(rule, description=f"{rule.description} {model.desc}" if append else model.desc)
    elif key == "tags":
        changed = frozenset(model.tags or ()) | (rule.tags if append else frozenset())
    elif key == "exceptions":
        changed = _changed_exceptions(rule, entry, model, append, found)
    else:
        key = key.replace("-", "_")
        changed = getattr(model, key)
    return replace(rule, **{key: changed})


def _changed_exceptions(
    rule: definitions.RuleDefinition,
    entry: reading.Entry,
    model: items.RuleChange,
    append: bool,
    found: list[Diagnostic],
) -> list[definitions.ExceptionDefinition]:
    models = model.exceptions or ()
    if append:
        return exceptions.add(entry, rule.exceptions, models, rule.known_source, found)
    for index, each in enumerate(models):
        if each.fields is None:
            message = f"the exception {each.name!r} replaces earlier ones, so it needs 'fields'"
            entry.refuse(Code.ERR_YAML_VALIDATE, message, entry.place("exceptions", index))
    return exceptions.define(entry, models, rule.known_source, found)


def _switch(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    model = entry.parse(items.RuleSwitch)
    message = "a rule entry with only 'enabled' is deprecated; write override: {enabled: replace}"
    loaded.diagnostics.append(
        entry.finding(Severity.WARNING, Code.DEPRECATED_ITEM, message, entry.key_place("enabled"))
    )
    rule = _existing(loaded, entry, "can be switched on or off")
    loaded.rules[rule.name] = replace(rule, enabled=model.enabled)


def _existing(loaded: definitions.Loaded, entry: reading.Entry, what: str) -> definitions.RuleDefinition:
    name = entry.name or ""
    rule = loaded.rules.get(name)
    if rule is None:
        message = f"there is no rule {name!r} yet that {what}"
        entry.refuse(Code.ERR_VALIDATE, message, entry.place("rule"), diagnostics.suggest(name, loaded.rules))
    return rule


def _check_source(entry: reading.Entry, rule: definitions.RuleDefinition, source: str) -> None:
    if source != rule.source:
        message = f"the rule {rule.name!r} has the source {rule.source!r}, which cannot change to {source!r}"
        entry.refuse(Code.ERR_VALIDATE, message, entry.place("source"))

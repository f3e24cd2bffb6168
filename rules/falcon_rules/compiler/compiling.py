"""All rules of a set of definitions: macros first, then each rule by itself."""

from __future__ import annotations

from falcon_rules import bundle
from falcon_rules.compiler import addresses, compiled, macros, options, outputs, rules, substitution
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.model import definitions


def compile_all(loaded: definitions.Loaded, wanted: options.Options, parse_output: outputs.Parse) -> compiled.Result:
    """The bundle of what compiles, and all diagnostics, those of loading first.

    Rules come in the order in which their names were first defined.
    """
    found: list[Diagnostic] = []
    places = addresses.Addresses()
    lists = substitution.Lists(loaded.lists)
    lists.mark_nested()
    conditions = macros.Conditions(loaded.macros, lists, places, found)
    conditions.prepare()
    compiler = rules.RuleCompiler(conditions, places, wanted, found, parse_output)
    candidates = [definition for definition in loaded.rules.values() if definition.known_source]
    compiled_rules = [rule for rule in map(compiler.compile, candidates) if rule is not None]
    if not any(each.is_error for each in (*loaded.diagnostics, *found)):
        # What has an error could not count its uses.
        found += _unused(loaded, conditions.used, lists.used)
    found += _idle_selections(loaded, wanted)
    active = tuple(rule.to_bundle() for rule in compiled_rules if rule.active)
    return compiled.Result(bundle.Bundle(active, wanted.revision), tuple(compiled_rules), (*loaded.diagnostics, *found))


def _unused(loaded: definitions.Loaded, used_macros: set[str], used_lists: set[str]) -> list[Diagnostic]:
    found = []
    for macro in loaded.macros.values():
        if macro.name not in used_macros:
            message = f"nothing uses the macro {macro.name!r}"
            found.append(macro.entry.finding(Severity.WARNING, Code.UNUSED_MACRO, message, macro.entry.place("macro")))
    for each in loaded.lists.values():
        if each.name not in used_lists:
            message = f"nothing uses the list {each.name!r}"
            found.append(each.entry.finding(Severity.WARNING, Code.UNUSED_LIST, message, each.entry.place("list")))
    return found


def _idle_selections(loaded: definitions.Loaded, wanted: options.Options) -> list[Diagnostic]:
    """A selection that fits no rule is most likely misspelt, and then a rule is not what one thinks."""
    found = []
    for selection in wanted.selections:
        if not any(selection.matches(rule.name, rule.tags) for rule in loaded.rules.values()):
            what = f"rule {selection.rule!r}" if selection.rule is not None else f"tag {selection.tag!r}"
            verb = "enable" if selection.enable else "disable"
            message = f"there is no {what} to {verb}"
            found.append(Diagnostic(Severity.WARNING, Code.SELECTS_NOTHING, message, Place("options", 1, 1)))
    return found

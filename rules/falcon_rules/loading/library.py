"""Shared macros and lists, prepared once, for rules that are compiled one by one.

Where `compilation` compiles a folder of files as a whole, an operator has hundreds of rules that
change one at a time. A rule may bring macros and lists of its own; they go before shared ones of
the same name, for that rule, while shared macros and lists keep the meaning they have.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from falcon_rules.compiler import addresses, compiled, macros, options, rules, substitution
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.model import definitions, documents
from falcon_rules.output import parsing

_WORD = re.compile(r"[^ \t\r\n(),=]+")
_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_ODD = re.compile(r"[ \t\r\n(),=]")
_ALWAYS = 2**62
"""Later than every entry: shared macros see each other whatever set they stand in."""

EVERYTHING = frozenset({""})
"""As the result of `Library.changed` or `Library.words`: there is no telling, so assume all names."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One rule's result. rule: None if it has errors, or asked to be skipped (then no diagnostic is an error).

    words: everything in the rule, and in what it uses, that is the name of a macro or list, or could become one.
    """

    rule: compiled.CompiledRule | None
    diagnostics: tuple[Diagnostic, ...]
    words: frozenset[str]


class Library:
    """The definitions of all rule sets. Errors in them are in `diagnostics`; only what uses them suffers."""

    def __init__(self, loaded: definitions.Loaded, wanted: options.Options | None = None) -> None:
        self._macros = {name: replace(each, last=_ALWAYS) for name, each in loaded.macros.items()}
        self._lists = dict(loaded.lists)
        self._wanted = wanted or options.Options()
        self._places = addresses.Addresses()
        self._substitution = substitution.Lists(self._lists)
        self._closures: dict[str, frozenset[str]] = {}
        # Names with blanks or parentheses in them cannot be found as words, so with them all depends on all.
        self._odd = any(map(_ODD.search, self._lists))
        found: list[Diagnostic] = []
        self._conditions = macros.Conditions(self._macros, self._substitution, self._places, found)
        self._conditions.prepare()
        self.diagnostics = tuple(found)
        self._broken: dict[str, list[Diagnostic]] = defaultdict(list)
        for each in found:
            if each.is_error and each.item_kind == "macro" and each.item_name is not None:
                self._broken[each.item_name].append(each)

    def compile(self, rule: definitions.RuleDefinition, local: definitions.Loaded | None = None) -> Compiled:
        """Compiles one rule. local: the macros and lists of its own; their unused ones are warned about."""
        found: list[Diagnostic] = []
        mark = self._places.mark()
        try:
            conditions, lists = self._with(local, found)
            compiler = rules.RuleCompiler(conditions, self._places, self._wanted, found, parsing.parse)
            result = compiler.compile(rule) if rule.known_source else None
        finally:
            self._places.release(mark)
        words = self.words(rule, local)
        if result is None:
            found = list(self._explained(found, words))
        elif local is not None:
            found += _unused(local, conditions, lists)
        return Compiled(result, tuple(found), words)

    def words(self, rule: definitions.RuleDefinition, local: definitions.Loaded | None = None) -> frozenset[str]:
        """See `Compiled.words`."""
        if self._odd:
            return EVERYTHING
        own = set(_words(_texts(rule, local)))
        shadowed = set[str]() if local is None else {*local.macros, *local.lists}
        found = set(own)
        for word in own - shadowed:
            found |= self._closure(word)
        return frozenset(found)

    def changed(self, other: Library) -> frozenset[str]:
        """Names of macros and lists whose definition differs between the two."""
        if self._odd or other._odd:
            return EVERYTHING if self._fingerprints() != other._fingerprints() else frozenset()
        old, new = self._fingerprints(), other._fingerprints()
        return frozenset(name for _, name in {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)})

    def names(self) -> frozenset[str]:
        """Of all macros and lists."""
        return frozenset({*self._macros, *self._lists})

    def _with(
        self, local: definitions.Loaded | None, found: list[Diagnostic]
    ) -> tuple[macros.Conditions, substitution.Lists]:
        if local is None or not (local.macros or local.lists):
            return self._conditions, self._substitution
        lists = self._substitution.extended(local.lists)
        own = {name: replace(each, last=_ALWAYS) for name, each in local.macros.items()}
        conditions = self._conditions.extended(own, lists, found)
        conditions.prepare()
        return conditions, lists

    def _explained(self, found: Iterable[Diagnostic], words: frozenset[str]) -> Iterator[Diagnostic]:
        """What leaves a rule out because of a macro is an error of the rule, told together with the macro's own."""
        for each in found:
            if each.code is Code.DEPENDS and each.item_kind == "rule":
                yield replace(each, severity=Severity.ERROR)
                for word in sorted(words & self._broken.keys()):
                    yield from self._broken[word]
            else:
                yield each

    def _fingerprints(self) -> Mapping[tuple[str, str], str | tuple[str, ...]]:
        known: dict[tuple[str, str], str | tuple[str, ...]] = {
            ("macro", name): each.condition.string for name, each in self._macros.items()
        }
        known |= {("list", name): tuple(item.string for item in each.items) for name, each in self._lists.items()}
        return known

    def _closure(self, word: str) -> frozenset[str]:
        """The words of what a name stands for, directly or through other names."""
        if word not in self._macros and word not in self._lists:
            return frozenset()
        if word not in self._closures:
            found, todo = set[str](), [word]
            while todo:
                for each in _words(self._defined_as(todo.pop())):
                    if each not in found:
                        found.add(each)
                        todo.append(each)
            self._closures[word] = frozenset(found)
        return self._closures[word]

    def _defined_as(self, name: str) -> Iterator[documents.Text]:
        if name in self._macros:
            yield self._macros[name].condition
        if name in self._lists:
            yield from self._lists[name].items


def _texts(rule: definitions.RuleDefinition, local: definitions.Loaded | None) -> Iterator[documents.Text]:
    yield rule.condition
    for exception in rule.exceptions:
        yield from exception.fields
        for value in exception.values:
            yield from _value_texts(value)
    if local is not None:
        for macro in local.macros.values():
            yield macro.condition
        for each in local.lists.values():
            yield from each.items


def _value_texts(value: definitions.ExceptionValue) -> Iterator[documents.Text]:
    if value.text is not None:
        yield value.text
    for item in value.items:
        yield from _value_texts(item)


def _words(texts: Iterable[documents.Text]) -> Iterator[str]:
    for text in texts:
        yield from _WORD.findall(text.string)
        yield from _IDENTIFIER.findall(text.string)


def _unused(
    local: definitions.Loaded, conditions: macros.Conditions, lists: substitution.Lists
) -> Iterator[Diagnostic]:
    for code, kind, own, used in (
        (Code.UNUSED_MACRO, "macro", local.macros, conditions.used),
        (Code.UNUSED_LIST, "list", local.lists, lists.used),
    ):
        for name, each in own.items():
            if name not in used:
                message = f"the rule does not use its {kind} {name!r}"
                yield each.entry.finding(Severity.WARNING, code, message, each.entry.place(kind))

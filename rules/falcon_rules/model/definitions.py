"""What the files define, after appends and overrides: one state object for each name.

Mutable while files are loaded; whoever compiles them afterwards must not change them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from falcon_rules import bundle, diagnostics
from falcon_rules.diagnostics import Diagnostic
from falcon_rules.model import documents, reading


@dataclass
class ListDefinition:
    """first: index of the entry that defined the name first. last: of the one that touched it last."""

    name: str
    items: list[documents.Text]
    entry: reading.Entry
    first: int
    last: int


@dataclass
class MacroDefinition:
    name: str
    condition: documents.Text
    entry: reading.Entry
    first: int
    last: int


@dataclass
class ExceptionDefinition:
    """fields and comps: texts when `single`, else as many as each row of `values` has."""

    name: str
    single: bool
    fields: tuple[documents.Text, ...]
    comps: tuple[str, ...]
    entry: reading.Entry
    values: list[ExceptionValue] = field(default_factory=list)


@dataclass(frozen=True)
class ExceptionValue:
    """A text, or a list of values with the place where the list begins."""

    text: documents.Text | None
    items: tuple[ExceptionValue, ...]
    origin: documents.Origin

    @property
    def is_list(self) -> bool:
        return self.text is None


@dataclass
class RuleDefinition:
    """A rule with everything that later entries did to it. `known_source`: it can be compiled."""

    name: str
    condition: documents.Text
    output: documents.Text
    description: str
    priority: bundle.Priority
    entry: reading.Entry
    first: int
    source: str = "syscall"
    known_source: bool = True
    enabled: bool = True
    tags: frozenset[str] = frozenset()
    exceptions: list[ExceptionDefinition] = field(default_factory=list)
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    capture: bool = False
    capture_duration: int = 0

    def place(self) -> diagnostics.Place:
        return self.entry.place("rule")


@dataclass
class Loaded:
    """The definitions of all files, in the order in which names were first defined."""

    lists: dict[str, ListDefinition] = field(default_factory=dict)
    macros: dict[str, MacroDefinition] = field(default_factory=dict)
    rules: dict[str, RuleDefinition] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    documents: tuple[documents.Document, ...] = ()


def trimmed(text: documents.Text) -> documents.Text:
    """Without blanks at both ends."""
    string = text.string
    start = len(string) - len(string.lstrip(" \t\n\r\v\f"))
    end = len(string.rstrip(" \t\n\r\v\f"))
    return documents.Text(text.slice(start, max(start, end)))

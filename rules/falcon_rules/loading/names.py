"""Lists and macros: definition, redefinition and append."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

from falcon_rules import diagnostics
from falcon_rules.diagnostics import Code, Severity
from falcon_rules.model import definitions, documents, items, reading

_MACRO_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_LIST_NAME = re.compile(r"""[^ \t\n\v\f\r()"'=,]+""")


def apply_list(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    """What one entry with the key `list` does. Raises Refusal."""
    if entry.name and not _LIST_NAME.fullmatch(entry.name):
        message = f"the name {entry.name!r} of a list has blanks, quotes, parentheses, = or commas"
        _warn_of_name(loaded, entry, Code.INVALID_LIST_NAME, message)
    model = entry.parse(items.ListItem)
    append = _appends(loaded, entry, "items")
    texts = [entry.text("items", index) for index in range(len(model.items))]
    earlier = loaded.lists.get(model.list)
    if append:
        if earlier is None:
            _refuse_append(entry, model.list, loaded.lists)
        loaded.lists[model.list] = replace(earlier, items=[*earlier.items, *texts], last=entry.index)
        return
    _warn_of_duplicate(loaded, entry, earlier)
    first = earlier.first if earlier else entry.index
    loaded.lists[model.list] = definitions.ListDefinition(model.list, texts, entry, first, entry.index)


def apply_macro(loaded: definitions.Loaded, entry: reading.Entry) -> None:
    """What one entry with the key `macro` does. Raises Refusal."""
    if entry.name and not _MACRO_NAME.fullmatch(entry.name):
        message = f"no condition can use the macro {entry.name!r}: names are made of ASCII letters, digits and _"
        _warn_of_name(loaded, entry, Code.INVALID_MACRO_NAME, message)
    model = entry.parse(items.MacroItem)
    append = _appends(loaded, entry, "condition")
    text: documents.Text = entry.text("condition")
    earlier = loaded.macros.get(model.macro)
    if append:
        if earlier is None:
            _refuse_append(entry, model.macro, loaded.macros)
        loaded.macros[model.macro] = replace(earlier, condition=earlier.condition.joined(text), last=entry.index)
        return
    _warn_of_duplicate(loaded, entry, earlier)
    first = earlier.first if earlier else entry.index
    loaded.macros[model.macro] = definitions.MacroDefinition(model.macro, text, entry, first, entry.index)


def _appends(loaded: definitions.Loaded, entry: reading.Entry, key: str) -> bool:
    appended, operations = reading.changes(entry, loaded.diagnostics)
    return appended or operations.get(key) is items.Operation.APPEND


def _warn_of_name(loaded: definitions.Loaded, entry: reading.Entry, code: Code, message: str) -> None:
    place = entry.place(entry.kind)
    loaded.diagnostics.append(entry.finding(Severity.WARNING, code, message, place))


def _warn_of_duplicate(
    loaded: definitions.Loaded,
    entry: reading.Entry,
    earlier: definitions.ListDefinition | definitions.MacroDefinition | None,
) -> None:
    """Within one file a second definition is most likely a slip, unless it says that it replaces."""
    if earlier is None or earlier.entry.document is not entry.document or entry.data.get("override"):
        return
    line = earlier.entry.place(entry.kind).line
    message = f"the {entry.kind} {earlier.name!r} is defined already in line {line}; this definition replaces it"
    place = entry.place(entry.kind)
    loaded.diagnostics.append(entry.finding(Severity.WARNING, Code.DUPLICATE_NAME, message, place))


def _refuse_append(entry: reading.Entry, name: str, known: Iterable[str]) -> NoReturn:
    message = f"there is no {entry.kind} {name!r} yet that can be appended to"
    entry.refuse(Code.ERR_VALIDATE, message, entry.place(entry.kind), diagnostics.suggest(name, known))

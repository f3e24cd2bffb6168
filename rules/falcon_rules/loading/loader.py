"""Files in, definitions out: entries are applied one after another, in the order of the files.

A refused entry leaves what was defined before as it was; the entries after it are applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from falcon_rules import diagnostics
from falcon_rules.loading import names, rules, versions
from falcon_rules.model import definitions, documents, reading


def load(files: Sequence[documents.Document]) -> definitions.Loaded:
    """What the files define together. Never raises for what is in them: see `.diagnostics`."""
    loaded = definitions.Loaded(documents=tuple(files))
    index = 0
    for document in files:
        index = load_document(loaded, document, index)
    return loaded


def load_document(loaded: definitions.Loaded, document: documents.Document, index: int) -> int:
    """Adds what a file defines, its entries numbered from `index`; the number after the last of them."""
    for entry in reading.entries(document, index, loaded.diagnostics):
        index = entry.index + 1
        if not apply(loaded, entry):
            break
    return index


def apply(loaded: definitions.Loaded, entry: reading.Entry) -> bool:
    """Applies one entry, or records why not; whether the rest of its file still counts."""
    try:
        return _apply(loaded, entry)
    except diagnostics.Refusal as refusal:
        loaded.diagnostics.append(refusal.diagnostic)
        return True


def _apply(loaded: definitions.Loaded, entry: reading.Entry) -> bool:
    """Applies one entry; whether the rest of its file still counts. Raises Refusal."""
    if entry.kind == "rule":
        rules.apply(loaded, entry)
    elif entry.kind == "macro":
        names.apply_macro(loaded, entry)
    elif entry.kind == "list":
        names.apply_list(loaded, entry)
    elif entry.kind == "required_plugin_versions":
        versions.check_plugins(entry)
    else:
        return _engine_fits(loaded, entry)
    return True


def _engine_fits(loaded: definitions.Loaded, entry: reading.Entry) -> bool:
    try:
        versions.check_engine(entry)
    except diagnostics.Refusal as refusal:
        loaded.diagnostics.append(refusal.diagnostic)
        return refusal.diagnostic.code is not diagnostics.Code.ERR_VALIDATE
    return True

"""Findings about rules, as a compiler prints them.

Everything that reads rules reports through these: the command line prints them, the operator
puts them into a resource's status. A finding always says where, and how to go on where known.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MESSAGE = 500
"""Longest message that is printed whole; a name in it may be as long as its file."""
_NAME = 100
"""Longest name for which it makes sense, and does not take long, to look for close ones."""
_WINDOW = 100
"""Longest stretch of a source line that is printed: wide enough for any line written by hand."""


class Severity(StrEnum):
    """An error leaves something out; a warning is likely a mistake; a note explains an error."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """Falco's codes where Falco has one; Falcon's own begin with FALCON."""

    ERR_FILE_READ = "LOAD_ERR_FILE_READ"
    ERR_YAML_PARSE = "LOAD_ERR_YAML_PARSE"
    ERR_YAML_VALIDATE = "LOAD_ERR_YAML_VALIDATE"
    ERR_VALIDATE = "LOAD_ERR_VALIDATE"
    ERR_COMPILE_CONDITION = "LOAD_ERR_COMPILE_CONDITION"
    ERR_COMPILE_OUTPUT = "LOAD_ERR_COMPILE_OUTPUT"
    UNKNOWN_SOURCE = "LOAD_UNKNOWN_SOURCE"
    UNSAFE_NA_CHECK = "LOAD_UNSAFE_NA_CHECK"
    NO_EVTTYPE = "LOAD_NO_EVTTYPE"
    UNKNOWN_FILTER = "LOAD_UNKNOWN_FILTER"
    UNUSED_MACRO = "LOAD_UNUSED_MACRO"
    UNUSED_LIST = "LOAD_UNUSED_LIST"
    UNKNOWN_ITEM = "LOAD_UNKNOWN_ITEM"
    DEPRECATED_ITEM = "LOAD_DEPRECATED_ITEM"
    APPEND_NO_VALUES = "LOAD_APPEND_NO_VALUES"
    EXCEPTION_NAME_NOT_UNIQUE = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
    INVALID_MACRO_NAME = "LOAD_INVALID_MACRO_NAME"
    INVALID_LIST_NAME = "LOAD_INVALID_LIST_NAME"
    COMPILE_CONDITION = "LOAD_COMPILE_CONDITION"
    UNKNOWN_KEY = "LOAD_UNKNOWN_KEY"
    DUPLICATE_NAME = "FALCON_DUPLICATE_NAME"
    DUPLICATE_KEY = "FALCON_DUPLICATE_KEY"
    DEPENDS = "FALCON_DEPENDS_ON_BROKEN"
    SELECTS_NOTHING = "FALCON_SELECTS_NOTHING"
    BAD_MANIFEST = "FALCON_BAD_MANIFEST"
    TEST_FAILED = "FALCON_TEST_FAILED"
    BAD_TEST = "FALCON_BAD_TEST"
    SHADOWED = "FALCON_SHADOWED_RULE"
    LIKELY_PREFIX = "FALCON_LIKELY_PREFIX"
    CONSTANT_CONDITION = "FALCON_CONSTANT_CONDITION"
    BYPASSABLE_EXCEPTION = "FALCON_BYPASSABLE_EXCEPTION"
    SHIPS_EVERY_EVENT = "FALCON_SHIPS_EVERY_EVENT"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: line and column count from 1, in characters; `line_text` is the whole line."""

    file: str
    line: int
    column: int
    line_text: str = ""
    length: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `item_kind` and `item_name` tell whose ("rule", "Terminal shell in container")."""

    severity: Severity
    code: Code
    message: str
    place: Place
    suggestion: str | None = None
    item_kind: str | None = None
    item_name: str | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def render(self) -> str:
        """Several lines: place and message, the source line, a caret, and what was probably meant."""
        place = self.place
        lines = [f"{place.file}:{place.line}:{place.column}: {self.severity}: {_shortened(self.message)} [{self.code}]"]
        if place.line_text.strip():
            lines += _excerpt(place)
        hints = []
        if self.item_name is not None:
            hints.append(f"in {self.item_kind} {_shortened(self.item_name)!r}")
        if self.suggestion:
            hints.append(f"did you mean {self.suggestion!r}?")
        if hints:
            lines.append("  " + "; ".join(hints))
        return "\n".join(_printable(line) for line in lines)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and for statuses; absent parts are left out."""
        data = {
            "severity": str(self.severity),
            "code": str(self.code),
            "message": _shortened(self.message),
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "source": "\n".join(_excerpt(self.place)) if self.place.line_text.strip() else None,
            "suggestion": self.suggestion,
            "item": None if self.item_name is None else {"kind": self.item_kind, "name": self.item_name},
        }
        return {key: _printable(value) if isinstance(value, str) else value for key, value in data.items() if value}


class Refusal(Exception):
    """Ends the work on one item; whoever goes through the items records the finding and goes on."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def suggest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely meant, or None when none is close."""
    if len(name) > _NAME:
        return None
    close = difflib.get_close_matches(name, known, 1, 0.7)
    return close[0] if close else None


def _excerpt(place: Place) -> list[str]:
    """The source line and a caret below; of a very long line only what surrounds the place."""
    text = place.line_text.rstrip("\r\n")
    start = 0 if len(text) <= _WINDOW else max(0, place.column - 1 - _WINDOW // 2)
    shown = text[start : start + _WINDOW]
    before = shown[: place.column - 1 - start]
    # Tabs stay tabs above and below, so that the caret stands right at any tab width.
    margin = "".join("\t" if char == "\t" else " " for char in before)
    carets = "^" * max(1, min(place.length, len(shown) - len(before)))
    number = str(place.line)
    return [f"  {number} | {shown}", f"  {' ' * len(number)} | {margin}{carets}"]


def _shortened(text: str) -> str:
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE // 2]} ... {text[-_MESSAGE // 2 :]}"


def _printable(text: str) -> str:
    """Text from rule files without control characters, which could rewrite a terminal's screen."""
    return "".join(char if char in "\t\n" or (char.isprintable() or char == " ") else repr(char)[1:-1] for char in text)

"""Regular expressions: RE2 in POSIX mode against the whole value.

RE2 itself refuses what the language refuses (`\\d`, `\\b`, `(?...)`, back references) and treats
stacked quantifiers the way Falco does, because Falco runs the very same code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import re2


class BadPattern(ValueError):
    """The pattern is no regular expression of the language; the message says why."""


@functools.lru_cache(maxsize=4096)
def compile_regex(pattern: bytes) -> Callable[[bytes], bool]:
    """A test whether a value matches as a whole. Raises BadPattern."""
    try:
        full_match = re2.compile(pattern, _options()).fullmatch
    except re2.error as error:
        reason = error.args[0] if error.args else "not understood"
        raise BadPattern(_text(reason)) from None

    def matches(value: bytes) -> bool:
        if not value.isascii():
            # Broken UTF-8 counts as one replacement character per broken piece.
            value = value.decode("utf-8", "replace").encode("utf-8")
        return full_match(value) is not None

    return matches


def _text(reason: object) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _options() -> re2.Options:
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.never_capture = True
    options.log_errors = False
    return options

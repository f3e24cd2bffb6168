"""Warnings about conditions that compile but hardly mean what their author thinks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from falcon_rules import tree
from falcon_rules.diagnostics import Code
from falcon_rules.fields import table
from falcon_rules.syntax import walking

DEPRECATED_FIELDS = frozenset(
    {"evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency"}
)
MANY_EVENT_TYPES = 100
"""A rule that looks at more types than this most likely forgot to name them; it costs a lot."""

_FIELD = re.compile(r"([a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+)(?:\[(.*)\])?", re.DOTALL)
_CALL = re.compile(r"(?:val|tolower|toupper|b64|basename|len|join|concat|getopt)\(.*\)", re.DOTALL)
_WILDCARDS = re.compile(r"^(?:\.[*+?])+|(?:\.[*+?])+$")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")

Hint = tuple[Code, str, tree.Span, str | None]
"""Code, message, where, and what was probably meant."""


def about_fields(node: tree.Node) -> Iterator[Hint]:
    """Hints about a tree without macros, whether its fields exist or not."""
    for check in walking.checks(node):
        yield from _unsafe(check, _literals(check))


def about_literals(node: tree.Node) -> Iterator[Hint]:
    """Hints about a tree that has passed type checking."""
    for check in walking.checks(node):
        for literal in _literals(check):
            yield from _looks_like_field(literal)
            if check.op.startswith("regex"):
                yield from _needless_regex(check, literal)


def _literals(check: tree.Check) -> tuple[tree.Literal, ...]:
    if isinstance(check.right, tree.Literal):
        return (check.right,)
    return check.right.items if isinstance(check.right, tree.LiteralList) else ()


def _unsafe(check: tree.Check, literals: tuple[tree.Literal, ...]) -> Iterator[Hint]:
    left = check.left
    if not isinstance(left, tree.Field) or not left.name.startswith(("ka.", "jevt.")):
        return
    if any(literal.text == "<NA>" for literal in literals):
        message = f"comparing {left.name} with <NA> says nothing: an absent field makes every comparison false"
        yield Code.UNSAFE_NA_CHECK, message, check.span, f"not {left.name} exists"


def _looks_like_field(literal: tree.Literal) -> Iterator[Hint]:
    text = literal.text.strip(" \t\n\r\b")
    if "." not in text and "(" not in text:
        return
    match = _FIELD.fullmatch(text)
    if match:
        try:
            table.lookup(match.group(1), match.group(2))
        except table.UnknownField:
            return
        message = f"{text!r} is compared as a text although it is the name of a field"
        yield Code.COMPILE_CONDITION, message, literal.span, f"val({text})"
    elif _CALL.fullmatch(text):
        message = f"{text!r} is compared as a text although it looks like a transformer"
        yield Code.COMPILE_CONDITION, message, literal.span, None


def _needless_regex(check: tree.Check, literal: tree.Literal) -> Iterator[Hint]:
    core = literal.text.removeprefix("^").removesuffix("$")
    before, after = bool(re.match(r"(?:\.[*+?])+", core)), bool(re.search(r"(?<!\\)(?:\.[*+?])+$", core))
    core = _WILDCARDS.sub("", core)
    if _SPECIAL.search(core):
        return
    better = {(False, False): "=", (True, True): "contains", (True, False): "endswith", (False, True): "startswith"}
    message = f"the regular expression {literal.text!r} has no special characters inside; a plain operator is faster"
    yield Code.COMPILE_CONDITION, message, literal.span, f"{better[before, after]} {core}"

"""Output texts: cut into literal text and placeholders when a rule is compiled.

`%` starts a field or a transformer call, the longest that is valid: `%proc.name.txt` is the field
`proc.name` and the text `.txt`. Digits after the `%` are a width. There is no way to write a
literal `%`.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final

from falcon_rules import bundle, operands, tree, typed
from falcon_rules.fields import table
from falcon_rules.syntax import errors, parser

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+")
_BRACKETS: Final = re.compile(r"""\[(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^][\s"']+)\]""", re.DOTALL)
_CALL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\(")
_STEP: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]""", re.DOTALL)
_WIDTH: Final = re.compile(r"[0-9]+")
_LONGEST_NAME: Final = 255
"""Longer than any field; keeps a word as long as a file from being tried at every length."""
_MAX_WIDTH: Final = 4096
"""Wider columns than any line; keeps a typing error from asking for gigabytes of blanks."""


class OutputError(operands.CheckError):
    """An output text is wrong; `span` counts its characters.

    code: what kind of mistake; UNKNOWN_FIELD is the one rules may ask to be skipped for.
    """

    @property
    def offset(self) -> int:
        return self.span.start


def parse(text: str, extra: operands.Extra = None) -> bundle.Output:
    """An output text as pieces. A leading `*` is dropped: every output prints `<NA>` for what is
    unavailable. extra: fields besides the table's. Raises OutputError.
    """
    pieces: list[str | bundle.Placeholder] = []
    at = 1 if text.startswith("*") else 0
    while at < len(text):
        percent = text.find("%", at)
        if percent < 0:
            percent = len(text)
        if percent > at:
            pieces.append(text[at:percent])
        if percent == len(text):
            break
        placeholder, at = _placeholder(text, percent + 1, extra)
        pieces.append(placeholder)
    return bundle.Output(tuple(pieces))


def _placeholder(text: str, at: int, extra: operands.Extra) -> tuple[bundle.Placeholder, int]:
    start = at
    width = None
    if digits := _WIDTH.match(text, at):
        at = digits.end()
        if len(digits[0]) > 5 or int(digits[0]) > _MAX_WIDTH:
            raise _wrong(f"a width of more than {_MAX_WIDTH} makes no sense", start)
        width = int(digits[0])
    if at == len(text):
        raise _wrong("the text ends where a field should follow the %", start - 1)
    operand, end = _call(text, at, extra) if _CALL.match(text, at) else _field(text, at, extra)
    return bundle.Placeholder(text[at:end], operand, width), end


def _field(text: str, at: int, extra: operands.Extra) -> tuple[typed.FieldRef, int]:
    """The longest field that starts at `at`, and where it ends."""
    name = _NAME.match(text, at)
    if name is None:
        raise _wrong("no field follows the % (there is no way to write a percent sign)", at - 1, unknown=True)
    if (brackets := _BRACKETS.match(text, name.end())) and (field := _bracketed(text[at : brackets.end()], extra)):
        return field, brackets.end()
    for end in range(min(name.end(), at + _LONGEST_NAME), at, -1):
        try:
            found = table.lookup(text[at:end], None, extra)
        except table.UnknownField:
            continue
        return operands.reference(found), end
    span = tree.Span(at, name.end())
    raise OutputError(f"unknown field {name[0]}", span, operands.Code.UNKNOWN_FIELD, _suggestion(name[0]))


def _suggestion(name: str) -> str | None:
    try:
        table.lookup(name)
    except table.UnknownField as error:
        return error.suggestion
    return None


def _bracketed(text: str, extra: operands.Extra) -> typed.FieldRef | None:
    try:
        node = parser.parse(f"{text} exists")
    except errors.ConditionSyntaxError:
        return None
    if not isinstance(node, tree.Check) or not isinstance(node.left, tree.Field):
        return None
    try:
        return operands.reference(table.lookup(node.left.name, node.left.argument, extra))
    except table.UnknownField:
        return None


def _call(text: str, at: int, extra: operands.Extra) -> tuple[typed.Transform, int]:
    """The call that starts at `at`, with a selector in brackets if one fits, and where it ends."""
    end = _end_of_call(text, at)
    if brackets := _BRACKETS.match(text, end):
        with contextlib.suppress(OutputError):
            return _checked_call(text, at, brackets.end(), extra), brackets.end()
    return _checked_call(text, at, end, extra), end


def _checked_call(text: str, at: int, end: int, extra: operands.Extra) -> typed.Transform:
    try:
        node = parser.parse(f"{text[at:end]} exists", at)
        operand = operands.check(node.left, extra).operand if isinstance(node, tree.Check) else None
    except errors.ConditionSyntaxError as error:
        raise _wrong(str(error), at + error.span.start) from None
    except operands.CheckError as error:
        raise OutputError(error.message, error.span, error.code, error.suggestion) from None
    if not isinstance(operand, typed.Transform):
        raise _wrong("this is no transformer call", at)
    return operand


def _end_of_call(text: str, at: int) -> int:
    """Behind the parenthesis that closes the first one after `at`."""
    depth = 0
    for step in _STEP.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(step[0], 0)
        if depth == 0 and step[0] == ")":
            return step.end()
    raise _wrong("the parenthesis of this call is never closed", at)


def _wrong(message: str, offset: int, unknown: bool = False) -> OutputError:
    code = operands.Code.UNKNOWN_FIELD if unknown else operands.Code.BAD_OUTPUT
    return OutputError(message, tree.Span(offset, offset + 1), code)

"""Quoted strings: what their escapes mean, and how to write a text so that it reads back."""

from __future__ import annotations

import re

from falcon_rules import tree
from falcon_rules.syntax.errors import ConditionSyntaxError

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[\s\S])")
_NAMED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/"}
# Old rule files hold a backslash before a blank; it has always meant a backslash alone.
_NAMED[" "] = "\\"
_BARE_ARGUMENT = re.compile(r"""[^ \t\n\r\x08\[\]"']+""")
_SPECIAL = re.compile(r"""[\x00-\x1f\x7f"\\\udc80-\udcff]""")
_WRITTEN = {value: "\\" + letter for letter, value in _NAMED.items() if letter not in "/ "} | {'"': '\\"'}


def unquote(token: str, offset: int) -> str:
    """The text a quoted string stands for; `offset` is where the token starts, for errors."""
    body = token[1:-1]
    if "\\" not in body:
        return body
    delimiter = token[0]

    def replace(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) > 1:
            byte = int(escape[1:], 16)
            return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
        if escape == delimiter:
            return delimiter
        if escape in _NAMED:
            return _NAMED[escape]
        raise _unknown_escape(match, delimiter, offset + 1)

    text = _ESCAPE.sub(replace, body)
    # Bytes written one by one may make up characters; both spellings must give one text.
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _unknown_escape(match: re.Match[str], delimiter: str, base: int) -> ConditionSyntaxError:
    span = tree.Span(base + match.start(), base + match.end())
    escape = match.group(1)
    if escape == "x":
        return ConditionSyntaxError(r"the escape \x needs exactly two hexadecimal digits behind it", span)
    if escape in "\"'":
        return ConditionSyntaxError(f"in a string between {delimiter} the other quote needs no backslash", span, escape)
    return ConditionSyntaxError(
        rf"unknown escape \{escape} in a quoted string: known are \b \f \n \r \t \\ \/ \xHH and \{delimiter}",
        span,
        "\\\\" + escape,
    )


def argument(text: str, offset: int) -> str:
    """What stands between the brackets of a field or transformer, quoted or bare."""
    return unquote(text, offset) if text[0] in "\"'" else text


def quote(text: str) -> str:
    """`text` as a quoted string. Bytes that are no characters are written ``\\xHH``."""
    return '"' + _SPECIAL.sub(_write, text) + '"'


def _write(match: re.Match[str]) -> str:
    char = match.group()
    return _WRITTEN.get(char) or f"\\x{ord(char) & 0xFF:02x}"


def quote_argument(text: str) -> str:
    return text if _BARE_ARGUMENT.fullmatch(text) else quote(text)

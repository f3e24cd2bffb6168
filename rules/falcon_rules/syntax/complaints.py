"""What to say when a text is no condition: what was expected at that place, in words.

Lark reports the terminals it would have accepted; people think in operators, values and lists.
"""

from __future__ import annotations

import difflib
import re

import lark

from falcon_rules import tree
from falcon_rules.syntax import operators
from falcon_rules.syntax.errors import ConditionSyntaxError

_OPERATORS = sorted(operator for operator in operators.ALL if operator.isalpha())
_WORDS = {"&&": "and", "||": "or", "!": "not", "like": "glob", "matches": "regex", "~": "regex", "=~": "regex"}
_LONE_NAME = re.compile(r"(?:^|[(]|\b(?:and|or|not)\b)\s*([a-zA-Z]\w*)\s*$")
_BLANKS = " \t\n\r\b"

# The first line whose terminals were all acceptable describes the place.
_PLACES = (
    ({"TEST", "MEMBER"}, "an operator such as =, contains or in"),
    ({"BARE", "QUOTED", "_VALUE"}, "a value: a word, a quoted string, val(field) or a transformer"),
    ({"HEX", "NUMBER", "_VALUE"}, "a number, val(field) or a transformer"),
    ({"_OPEN", "NAME", "_VALUE"}, "a list in parentheses, val(field) or a transformer"),
    ({"BARE", "QUOTED"}, "a value of the list"),
    ({"FIELD", "CALL", "NUMBER", "QUOTED"}, "an argument: a field, a transformer, a quoted string or a number"),
    ({"FIELD", "NAME"}, "a field with an operator, a macro, 'not' or a parenthesis"),
    ({"NAME", "_OPEN"}, "a list in parentheses"),
    ({"FIELD"}, "a field"),
)


def explain(error: lark.exceptions.UnexpectedInput, text: str) -> ConditionSyntaxError:
    """A readable error for lark's."""
    at_end = isinstance(error, lark.exceptions.UnexpectedToken) and error.token.type == "$END"
    start = len(text.rstrip(_BLANKS)) if at_end or error.pos_in_stream is None else error.pos_in_stream
    while not at_end and start < len(text) and text[start] in _BLANKS:
        start += 1
    expected = _accepted(error)
    found = "" if at_end else _found(text, start)
    span = tree.Span(start, start + max(1, len(found)))
    special = _special(text, start, found, expected)
    if special:
        return ConditionSyntaxError(special, span)
    what = f"found {found!r}" if found else "the condition ends"
    return ConditionSyntaxError(f"{what} where {_describe(expected)} was expected", span, _suggest(found, expected))


def _accepted(error: lark.exceptions.UnexpectedInput) -> set[str]:
    for name in ("accepts", "allowed", "expected"):
        names = getattr(error, name, None)
        if isinstance(names, (set, frozenset, list)) and names:
            return set(names)
    return set()


def _found(text: str, start: int) -> str:
    match = re.compile(r"""[\w.]+|&&|\|\||=~|[^\s\w]""").match(text, start)
    return match.group()[:40] if match else text[start : start + 1]


def _describe(expected: set[str]) -> str:
    for terminals, words in _PLACES:
        if terminals <= expected:
            return words
    ends = []
    if "_AND" in expected or "_OR" in expected:
        ends.append("'and'" if "_OR" not in expected else "'or'" if "_AND" not in expected else "'and', 'or'")
    if "COMMA" in expected:
        ends.append("a comma")
    if "CLOSE" in expected:
        ends.append("')'")
    if "$END" in expected:
        ends.append("the end")
    return " or ".join(ends) or "something else"


def _special(text: str, start: int, found: str, expected: set[str]) -> str | None:
    """Mistakes for which there is more to say than what was expected."""
    if found in ("'", '"') and {"QUOTED"} & expected:
        return f"the string that starts here has no closing {found}"
    if found in _OPERATORS and {"TEST"} & expected:
        return f"the operator {found!r} needs a blank and then a value behind it"
    if found in ("and", "or") and start + len(found) == len(text):
        return f"nothing follows {found!r}: an operand is missing"
    if found == "[":
        return (
            "an argument in brackets directly follows a field's name, "
            "is not empty, and needs quotes if it has blanks or brackets"
        )
    if found == "(" and "_AND" in expected and text[:start].rstrip(_BLANKS)[-1:].isalnum():
        word = re.split(r"[^\w]", text[:start].rstrip(_BLANKS))[-1]
        return f"{word!r} is not a transformer, so no parenthesis may follow it"
    if found == "=" and "_AND" in expected and "_OR" in expected:
        return _misplaced_equals(text, start)
    return None


def _misplaced_equals(text: str, start: int) -> str:
    word = _LONE_NAME.search(text[:start])
    if word:
        return f"{word.group(1)!r} is not a field, so no operator may follow it: fields have a dot in their name"
    return "a value that contains = needs quotes"


def _suggest(found: str, expected: set[str]) -> str | None:
    if found in _WORDS:
        return _WORDS[found]
    if "TEST" in expected:
        near = difflib.get_close_matches(found.lower(), _OPERATORS, 1)
        return near[0] if near else None
    if "_AND" in expected and found.lower() in ("and", "or", "not"):
        return found.lower() if found != found.lower() else None
    return None

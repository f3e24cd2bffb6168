"""Text to tree: the first step for every condition, whether of a rule, a macro or an exception.

The grammar is `grammar.lark`; this module runs it and makes `tree` nodes while parsing, without
a parse tree in between. The parser keeps its own stack, so no text can exhaust Python's; how deep
a condition may nest is limited all the same, because whatever walks the tree later recurses.

Text that is not UTF-8 arrives with surrogate escapes, and an escape such as ``\\xff`` in a quoted
string yields the same: encoding a literal with ``surrogateescape`` always gives its bytes.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import resources
from typing import cast

import lark

from falcon_rules import tree
from falcon_rules.syntax import building, complaints, measures
from falcon_rules.syntax.errors import ConditionSyntaxError

MAX_PARENTHESES = 199
"""Falco grants rule files a budget of 1,000 steps and spends five on each parenthesis level."""

# The builder remembers the base of the text at hand, so one text is parsed at a time.
_LOCK = threading.Lock()
_STRUCTURE = re.compile(r"""[()]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'""")


def parse(text: str, base: int = 0) -> tree.Node:
    """The tree of a condition; its spans start counting at `base`.

    A base lets trees of many texts share one address space, so that a subtree still knows its own
    text after it has been inserted into another tree.

    Raises ConditionSyntaxError; its offset counts characters of `text`, without the base.
    """
    if not text.strip(" \t\n\r\b"):
        raise ConditionSyntaxError("the condition is empty", tree.Span(0, len(text)))
    _check_nesting(text)
    try:
        parser, builder = _parser()
        with _LOCK:
            builder.base = base
            node = cast(tree.Node, parser.parse(text))
    except lark.exceptions.UnexpectedInput as error:
        raise complaints.explain(error, text) from None
    if text.count("(") >= MAX_PARENTHESES // 4 and measures.depth(node) > measures.MAX_DEPTH:
        raise ConditionSyntaxError(measures.TOO_DEEP, tree.Span(0, len(text)))
    return node


def _check_nesting(text: str) -> None:
    if text.count("(") <= MAX_PARENTHESES:
        return
    depth = 0
    for match in _STRUCTURE.finditer(text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > MAX_PARENTHESES:
            message = f"parentheses nest more than {MAX_PARENTHESES} levels deep here"
            raise ConditionSyntaxError(message, tree.Span(match.start(), match.end()))


@cache
def _parser() -> tuple[lark.Lark, building.Builder]:
    grammar = resources.files("falcon_rules.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")
    builder = building.Builder()
    return lark.Lark(grammar, parser="lalr", lexer="contextual", transformer=builder, maybe_placeholders=False), builder

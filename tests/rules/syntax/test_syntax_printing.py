"""What is printed reads back as the same tree, for any tree."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_rules import tree
from falcon_rules.syntax import errors, parser, printing

NOWHERE = tree.Span(0, 0)
CALLS = ["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt"]
TESTS = ["=", "==", "!=", "glob", "iglob", "contains", "icontains", "bcontains", "startswith", "endswith", "regex"]

names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True)
raw = st.binary(max_size=8).map(lambda data: data.decode("utf-8", "surrogateescape"))
texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), raw)
fields = st.builds(
    tree.Field, st.lists(names, min_size=2, max_size=3).map(".".join), st.none() | texts, st.just(NOWHERE)
)
quoted = st.builds(tree.Literal, texts, st.just(True), st.just(NOWHERE))
# A backspace is a blank in front of a word, and a character like any other within it.
words = st.from_regex(r"[^ \t\n\v\f\r\x08()\"'=,][^ \t\n\v\f\r()\"'=,]{0,7}", fullmatch=True).filter(
    lambda word: word not in ("oneof", "anyof", "allof")
)
bare = st.builds(tree.Literal, words, st.just(False), st.just(NOWHERE))
numbers = st.integers(-99, 99).map(lambda number: tree.Literal(str(number), False, NOWHERE))
lists = st.builds(tree.LiteralList, st.lists(bare | quoted, max_size=3).map(tuple), st.just(NOWHERE))
flat = st.one_of(fields, quoted, numbers)
call_lists = st.builds(tree.CallList, st.lists(flat, max_size=3).map(tuple), st.just(NOWHERE))


def call_of(arguments):
    return st.builds(
        tree.Call,
        st.sampled_from(CALLS),
        st.lists(arguments, min_size=1, max_size=3).map(tuple),
        st.none() | texts,
        st.just(NOWHERE),
    )


calls = call_of(st.recursive(flat | call_lists, call_of, max_leaves=3))
values = st.builds(lambda field: tree.Call("val", (field,), None, NOWHERE), fields)
left = fields | calls
right = values | calls


def check(ops, rights):
    return st.builds(tree.Check, st.sampled_from(ops), left, rights, st.just(NOWHERE))


checks = st.one_of(
    check(["exists"], st.none()),
    check(["<", "<=", ">", ">="], right | numbers),
    check(TESTS, st.one_of(right, quoted, bare)),
    check([f"{op} {modifier}" for op in TESTS for modifier in ("oneof", "anyof", "allof")], lists),
    check(["in", "intersects", "pmatch"], right | lists),
)
macros = st.builds(tree.MacroRef, names.filter(lambda name: name not in ("and", "or", "not")), st.just(NOWHERE))


def logic(children):
    many = st.lists(children, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(tree.And, many, st.just(NOWHERE)),
        st.builds(tree.Or, many, st.just(NOWHERE)),
        st.builds(tree.Not, children, st.just(NOWHERE)),
    )


trees = st.recursive(checks | macros, logic, max_leaves=8)


def without_spans(node):
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        parts = {f.name: without_spans(getattr(node, f.name)) for f in dataclasses.fields(node) if f.name != "span"}
        return dataclasses.replace(node, span=NOWHERE, **parts)
    return tuple(map(without_spans, node)) if isinstance(node, tuple) else node


@settings(max_examples=150, deadline=None)
@given(trees)
def test_printed_text_parses_back_to_the_same_tree(node):
    assert without_spans(parser.parse(printing.text(node))) == without_spans(node)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abnotrd.=<>() \"'\\[],x1", max_size=30))
def test_any_text_gives_a_tree_or_a_syntax_error_inside_the_text(text):
    node, error = tree_or_error(text)
    if error:
        assert 0 <= error.offset <= len(text)
        assert error.message
    else:
        assert without_spans(parser.parse(printing.text(node))) == without_spans(node)


def tree_or_error(text):
    try:
        return parser.parse(text), None
    except errors.ConditionSyntaxError as error:
        return None, error


def test_double_negation_from_a_parenthesis_survives_printing():
    assert printing.text(parser.parse("not(not(a.b exists))")) == "not (not a.b exists)"


def test_canonical_text_has_parentheses_around_every_and_and_or():
    assert printing.text(parser.parse("a and not b or (c)and(d)")) == "((a and not b) or (c and d))"

"""What the grammar accepts, and what it says when it does not."""

from __future__ import annotations

import pytest

from falcon_rules import tree
from falcon_rules.syntax import errors, parser, printing


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a or b and c", "(a or (b and c))"),
        ("(a or b)and(c)", "((a or b) and c)"),
        ("a and (b and c)", "(a and (b and c))"),
        ("a or(b)or c", "(a or b or c)"),
        ("not not a", "a"),
        ("not not not(a)", "not a"),
        ("not(not(a))", "not (not a)"),
        ("not a and b", "(not a and b)"),
        ("proc.name=cat", "proc.name = cat"),
        ("proc.name = not", "proc.name = not"),
        ("nothing and notable", "(nothing and notable)"),
        ("and", "and"),
        ("proc.name = oneof and m", "(proc.name = oneof and m)"),
        ("proc.name = oneof (a, b)", "proc.name = oneof (a, b)"),
        ("proc.name in(a)and m", "(proc.name in (a) and m)"),
        ("proc.name inshells", "proc.name in shells"),
        ("proc.pid > 1and m", "(proc.pid > 1 and m)"),
        ("proc.pid >= -1e+5", "proc.pid >= -1e+5"),
        ('x.y[a(b){c}] = "z"', 'x.y[a(b){c}] = "z"'),
        ('x.y["a b"] exists', 'x.y["a b"] exists'),
        ("a\b\t\r\nand b", "(a and b)"),
        ("join('-', (a.b, \"c\", 12)) = d", 'join("-", (a.b, "c", 12)) = d'),
        ('getopt(a.b, "x:")[x] = val( c.d )', 'getopt(a.b, "x:")[x] = val(c.d)'),
        ("proc.name in (runc:[0:PARENT], *.so)", "proc.name in (runc:[0:PARENT], *.so)"),
    ],
)
def test_reads(text, printed):
    assert printing.text(parser.parse(text)) == printed


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "empty"),
        ("a or(b) and c", 8, "where 'or' or the end was expected"),
        ("a and", 2, "nothing follows 'and'"),
        ("a && b", 2, "'and', 'or' or the end"),
        ("a andb", 2, "'and', 'or' or the end"),
        ("(a", 2, "the condition ends where ')' was expected"),
        ("a)", 1, "found ')'"),
        ("proc.name cat", 10, "an operator such as ="),
        ("proc.name contains", 10, "needs a blank and then a value"),
        ("proc.name = (a)", 12, "a value"),
        ("proc.name = a=b", 13, "needs quotes"),
        ("name = cat", 5, "'name' is not a field"),
        ("proc.pid > abc", 11, "a number"),
        ("proc.name in (a,)", 16, "a value of the list"),
        ("proc.name in 'a'", 13, "a list in parentheses"),
        ('fd.name = "open', 10, 'no closing "'),
        ('fd.name = "a\\qb"', 12, "unknown escape \\q"),
        ('fd.name = "\\x4"', 11, "two hexadecimal digits"),
        ("fd.name = 'a\\\"b'", 12, "needs no backslash"),
        ("evt.arg[ 0 ] = 1", 7, "an argument in brackets"),
        ("foo(proc.name) = x", 3, "'foo' is not a transformer"),
        ("proc.name = val(val(x.y))", 16, "a field"),
        ("tolower(x) = a", 8, "an argument"),
    ],
)
def test_says_where_and_what_was_expected(text, offset, message):
    with pytest.raises(errors.ConditionSyntaxError) as caught:
        parser.parse(text)
    assert message in caught.value.message
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("a && b", "and"), ("a AND b", "and"), ("a.b startswth c", "startswith"), ("a.b CONTAINS c", "contains")],
)
def test_suggests_what_was_meant(text, suggestion):
    with pytest.raises(errors.ConditionSyntaxError) as caught:
        parser.parse(text)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r'"a\"b"', 'a"b'),
        (r"'it\'s'", "it's"),
        (r'"\b\f\n\r\t\\\/"', "\b\f\n\r\t\\/"),
        (r'"\x41\xe2\x82\xac"', "A€"),
        (r'"\xff"', "\udcff"),
        (r'"\ x"', "\\x"),
        (r'"C:\\"', "C:\\"),
        ('"two\nlines"', "two\nlines"),
        ("'a=(b),c'", "a=(b),c"),
    ],
)
def test_escapes_in_quoted_strings(quoted, text):
    check = parser.parse(f"fd.name = {quoted}")
    assert isinstance(check, tree.Check)
    assert isinstance(check.right, tree.Literal)
    assert (check.right.text, check.right.quoted) == (text, True)


def test_every_node_knows_its_place():
    text = 'not a.b = "c" and d.e in (f, g)'
    node = parser.parse(text)
    assert isinstance(node, tree.And)
    negation, check = node.children
    assert text[negation.span.start : negation.span.end] == 'not a.b = "c"'
    assert isinstance(check, tree.Check)
    assert text[check.span.start : check.span.end] == "d.e in (f, g)"
    assert isinstance(check.right, tree.LiteralList)
    assert [text[item.span.start : item.span.end] for item in check.right.items] == ["f", "g"]


def test_spans_start_at_the_base_and_errors_do_not():
    assert parser.parse("abc", base=100).span == tree.Span(100, 103)
    with pytest.raises(errors.ConditionSyntaxError) as caught:
        parser.parse("abc def", base=100)
    assert caught.value.offset == 4


@pytest.mark.parametrize("text", ["(" * 250 + "m" + ")" * 250, "not(" * 300 + "m" + ")" * 300, "(" * 100_000])
def test_deep_nesting_is_an_error_not_a_crash(text):
    with pytest.raises(errors.ConditionSyntaxError, match="levels deep"):
        parser.parse(text)


def test_parentheses_in_strings_are_no_nesting():
    parser.parse('fd.name = "' + "(" * 5000 + '"')


def test_alternating_logic_counts_levels_of_the_tree():
    with pytest.raises(errors.ConditionSyntaxError, match="levels deep"):
        parser.parse("a or b and not (" * 150 + "c" + ")" * 150)


def test_a_megabyte_of_values_and_of_checks():
    values = ", ".join(f"value{i}" for i in range(80_000))
    check = parser.parse(f"proc.name in ({values})")
    assert isinstance(check, tree.Check)
    assert isinstance(check.right, tree.LiteralList)
    assert len(check.right.items) == 80_000
    chain = parser.parse(" or ".join(f"proc.pid = {i}" for i in range(30_000)))
    assert isinstance(chain, tree.Or)
    assert len(chain.children) == 30_000

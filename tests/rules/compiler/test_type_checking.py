"""What the type checker accepts, refuses, and says."""

from __future__ import annotations

import pytest

from falcon_rules import operands, tree, typed
from falcon_rules.compiler import types
from falcon_rules.fields import table
from falcon_rules.syntax import parser

EXTRA = {
    "test.list": table.Field("test.list", table.Type.CHARBUF, many=True),
    "test.numbers": table.Field("test.numbers", table.Type.INT64, many=True),
    "test.wide": table.Field("test.wide", table.Type.UINT64, many=True),
}


def check(text):
    return types.check(parser.parse(text), extra=EXTRA)


@pytest.mark.parametrize(
    "text",
    [
        "proc.name = val(proc.pname)",
        "tolower(proc.name) = toupper(proc.pname)",
        "proc.vmsize > val(proc.vmrss)",
        "len(proc.name) < val(proc.vmsize)",
        "test.list in val(test.list)",
        "test.wide in (1, 2)",
        "len(fd.types) = 1",
        "evt.rawarg.flags = 5",
        "evt.rawarg.uid in (0, 1)",
        "evt.rawarg.tuple exists",
        "fd.cip = val(fd.sip)",
        "proc.name iglob anyof (a*, b*)",
        "evt.type = ''",
        "evt.type startswith open",
        'join("-", ("x", proc.pid, proc.name)) = a',
        'concat("a", 5) = a5',
        'getopt(test.list, "ab")[a] = x',
        "evt.buffer bcontains ''",
        "proc.aname[0] = a",
        "thread.cgroup.cpu exists",
    ],
)
def test_accepted(text):
    check(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("proc.nmae = a", "unknown_field"),
        ("evt.arg = a", "unknown_field"),
        ("evt.type = opne", "unknown_event_type"),
        ("evt.type contains ope", "unknown_event_type"),
        ("mymacro", "undefined_macro"),
        ("proc.pid contains 1", "bad_operator"),
        ("proc.name bcontains 61", "bad_operator"),
        ("evt.buffer glob a", "bad_operator"),
        ("test.list = a", "bad_operator"),
        ("test.list pmatch (a)", "bad_operator"),
        ("test.numbers in (1)", "bad_operator"),
        ("evt.rawarg.tuple = a", "bad_operator"),
        ("fd.sip < 5", "bad_operator"),
        ("evt.around[3] exists", "bad_operator"),
        ("evt.around[3] in (4)", "bad_operator"),
        ("proc.pid = 0x10", "bad_literal"),
        ("proc.pid = 1.5", "bad_literal"),
        ("proc.name regex '('", "bad_literal"),
        ("proc.name regex anyof (a, '(')", "bad_literal"),
        ("tolower(proc.pid) = a", "bad_transformer"),
        ("tolower(proc.aname) = a", "bad_transformer"),
        ("tolower(proc.name, proc.name) = a", "bad_transformer"),
        ("concat(proc.name) = a", "bad_transformer"),
        ("concat(proc.name, proc.pid) = a", "bad_transformer"),
        ('join("-", proc.name) = a', "bad_transformer"),
        ('join("-", (user.uid)) = a', "bad_transformer"),
        ("tolower(proc.name)[x] = a", "bad_transformer"),
        ('getopt(proc.name, "a") in (a)', "bad_transformer"),
        ("proc.name = val(proc.aname)", "bad_comparison"),
        ("proc.pid = val(user.uid)", "bad_comparison"),
        ("proc.name in val(test.list)", "bad_comparison"),
        ("proc.name pmatch val(proc.cwd)", "bad_comparison"),
        ("proc.name regex val(proc.cwd)", "bad_comparison"),
        ("fd.snet = val(fd.cnet)", "bad_comparison"),
        ("evt.type = val(proc.name)", "bad_comparison"),
        ("tolower(evt.type) = open", "bad_comparison"),
    ],
)
def test_refused(text, code):
    with pytest.raises(types.CheckError) as caught:
        check(text)
    assert caught.value.code == code


def test_an_error_points_at_its_place_and_suggests():
    text = "evt.type = open and proc.nmae = a"
    with pytest.raises(types.CheckError) as caught:
        check(text)
    error = caught.value
    assert text[error.span.start : error.span.end] == "proc.nmae"
    assert error.suggestion == "proc.name"


def test_a_literal_error_points_at_the_literal():
    text = "proc.pid in (1, x)"
    with pytest.raises(types.CheckError) as caught:
        check(text)
    assert text[caught.value.span.start : caught.value.span.end] == "x"


def test_other_sources_have_no_fields():
    with pytest.raises(types.CheckError):
        types.check(parser.parse("proc.name = a"), source="k8s_audit")


def test_trees_may_be_deeper_than_the_stack():
    span = tree.Span(0, 1)
    field = tree.Field("proc.name", None, span)
    node: tree.Node = tree.Check("=", field, tree.Literal("a", False, span), span)
    for level in range(5000):
        node = (
            tree.Not(tree.And((node, tree.Check("exists", field, None, span)), span), span)
            if level % 2
            else (tree.Or((node, tree.Check("!=", field, tree.Literal(str(level), False, span), span)), span))
        )
    assert isinstance(types.check(node), typed.Negation)


def test_a_macro_used_twice_at_every_level_is_checked_once():
    span = tree.Span(0, 1)
    node: tree.Node = tree.Check("exists", tree.Field("proc.name", None, span), None, span)
    for level in range(200):
        other = tree.Check("=", tree.Field("proc.pid", None, span), tree.Literal(str(level), False, span), span)
        node = tree.And((tree.Or((node, other), span), tree.Not(tree.Or((other, node), span), span)), span)
    types.check(node)


def test_calls_nest_only_so_deep():
    text = "tolower(" * (operands.MAX_NESTING + 1) + "proc.name" + ")" * (operands.MAX_NESTING + 1) + " = a"
    span = tree.Span(0, len(text))
    node: tree.Operand = tree.Field("proc.name", None, span)
    for _ in range(operands.MAX_NESTING + 1):
        node = tree.Call("tolower", (node,), None, span)
    with pytest.raises(types.CheckError, match="within each other"):
        types.check(tree.Check("exists", node, None, span))

"""The generated function stays within Python's limits, reads lazily and holds no text of rules."""

from __future__ import annotations

import pytest

from falcon_rules import evaluate, typed

NAME = typed.FieldRef("proc.name", None, typed.Kind.TEXT)
PARENT = typed.FieldRef("proc.pname", None, typed.Kind.TEXT)


def equals(value, field=NAME):
    return typed.Comparison("=", field, (value,))


def resolver(field):
    return lambda event: event[field.name]


def nested(levels):
    """a0 and (b1 or (a2 and ...)), true when every `proc.pname` test is."""
    condition = equals(b"last", PARENT)
    for level in range(levels):
        make = typed.All if level % 2 else typed.Some
        test = typed.Comparison("!=" if level % 2 else "=", NAME, (b"%d" % level,))
        condition = make((test, condition))
    return condition


@pytest.mark.parametrize("levels", [1, 24, 25, 26, 200, 1000, 5000])
def test_conditions_may_nest_deeper_than_python_does(levels):
    holds = evaluate.compile_condition(nested(levels), resolver)
    assert holds({"proc.name": b"x", "proc.pname": b"last"})
    assert not holds({"proc.name": b"x", "proc.pname": b"first"})


def test_deep_rows_of_negations():
    condition = equals(b"a")
    for _ in range(2001):
        condition = typed.Negation(condition)
    assert not evaluate.compile_condition(condition, resolver)({"proc.name": b"a"})


def test_thousands_of_leaves():
    condition = typed.Some(tuple(typed.Comparison("contains", NAME, (b"<%d>" % number,)) for number in range(5000)))
    holds = evaluate.compile_condition(condition, resolver)
    assert holds({"proc.name": b"x<4999>"})
    assert not holds({"proc.name": b"x<5000>"})


def test_thousands_of_values_with_a_modifier():
    values = tuple(b"%d" % number for number in range(3000))
    holds = evaluate.compile_condition(typed.Comparison("contains", NAME, values, "oneof"), resolver)
    assert holds({"proc.name": b"7"})
    assert not holds({"proc.name": b"78"})


def test_parts_used_twice_at_every_level_do_not_double_the_source():
    condition: typed.Condition
    condition = typed.All((typed.Comparison("contains", NAME, (b"a",)), typed.Comparison("contains", PARENT, (b"a",))))
    for level in range(60):
        other = typed.Comparison("contains", NAME, (b"%d" % level,))
        condition = typed.Some((typed.All((condition, other)), typed.All((condition, typed.Negation(other)))))
    holds = evaluate.compile_condition(condition, resolver)
    assert len(holds.source) < 100_000
    assert holds({"proc.name": b"a", "proc.pname": b"a"})
    assert not holds({"proc.name": b"b", "proc.pname": b"a"})


@pytest.mark.parametrize("levels", [0, 60])
def test_each_field_is_read_at_most_once_and_only_when_needed(levels):
    reads = []

    def recording(field):
        def read(event):
            reads.append(field.name)
            return event[field.name]

        return read

    shared = typed.All((nested(levels), typed.Comparison("contains", PARENT, (b"last",))))
    rules = [(index, typed.All((equals(b"x"), shared, equals(b"x")))) for index in range(3)]
    function = evaluate.compile_rules(rules, recording, first=False)
    assert function({"proc.name": b"x", "proc.pname": b"last"}) == (0, 1, 2)
    assert sorted(reads) == ["proc.name", "proc.pname"]
    reads.clear()
    assert function({"proc.name": b"y", "proc.pname": b"last"}) == ()
    assert reads == ["proc.name"]


def test_a_shared_part_is_evaluated_at_most_once():
    calls = []

    class Text(bytes):
        def __contains__(self, part):
            calls.append(part)
            return super().__contains__(part)

    shared = typed.Comparison("contains", NAME, (b"a",))
    rules = [(index, typed.All((typed.Comparison("!=", NAME, (b"%d" % index,)), shared))) for index in range(4)]
    assert evaluate.compile_rules(rules, resolver, first=False)({"proc.name": Text(b"xax")}) == (0, 1, 2, 3)
    assert calls == [b"a"]


def test_text_of_rules_is_only_data():
    poison = b'"""\n); import os\n#'
    argument = "x]\n); import os"
    field = typed.FieldRef("container.label", argument, typed.Kind.TEXT)
    call = typed.Transform(
        "join", (typed.Constant(poison), typed.ListOf((field, typed.Constant(poison)))), None, field.kind
    )
    condition = typed.Some(
        (
            typed.Comparison("=", field, (poison,)),
            typed.Comparison("glob", call, (poison,)),
            typed.Comparison("in", field, (poison, b"b")),
        )
    )
    source = evaluate.compile_condition(condition, lambda field: lambda event: None).source
    code = [line for line in source.splitlines() if not line.startswith("#")]
    assert "import" in source
    assert not any("import" in line for line in code)


def test_the_first_match_ends_the_search_and_truths_are_honoured():
    rules = [(3, typed.Truth(False)), (5, equals(b"a")), (7, typed.Truth(True)), (9, typed.Truth(True))]
    first = evaluate.compile_rules(rules, resolver, first=True)
    every = evaluate.compile_rules(rules, resolver, first=False)
    assert first({"proc.name": b"a"}) == (5,)
    assert first({"proc.name": b"b"}) == (7,)
    assert every({"proc.name": b"a"}) == (5, 7, 9)


def test_no_rules_match_nothing():
    assert evaluate.compile_rules([], resolver, first=False)({}) == ()


def test_booleans_and_numbers_are_told_apart():
    flag = typed.FieldRef("evt.is_open_read", None, typed.Kind.BOOL)
    number = typed.FieldRef("proc.pid", None, typed.Kind.NUMBER)
    rules = [
        (0, typed.Comparison("in", flag, (True, False))),
        (1, typed.Comparison("in", number, (1, 0))),
        (2, typed.Comparison("!=", flag, (True,))),
    ]
    function = evaluate.compile_rules(rules, resolver, first=False)
    assert function({"evt.is_open_read": False, "proc.pid": 5}) == (0, 2)

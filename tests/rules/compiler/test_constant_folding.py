from __future__ import annotations

import pytest

from falcon_rules import typed
from falcon_rules.compiler import event_types, types
from falcon_rules.syntax import parser


def check(text):
    return types.check(parser.parse(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("evt.num = 0", False),
        ("evt.num in (0)", False),
        ("evt.num < 1", False),
        ("evt.num != 0", True),
        ("evt.num >= 1", True),
        ("not evt.num = 0", True),
        ("proc.name in ()", False),
        ("proc.name != allof ()", False),
        ("proc.name pmatch ()", False),
        ("fd.types intersects ()", False),
        ("proc.name = a and evt.num = 0", False),
        ("proc.name = a or evt.num > 0", True),
    ],
)
def test_what_needs_no_event_becomes_a_truth(text, value):
    assert check(text) == typed.Truth(value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("proc.name = a and evt.num > 0", "proc.name = a"),
        ("proc.name = a or evt.num = 0", "proc.name = a"),
        ("not (not proc.name = a)", "proc.name = a"),
        ("proc.name = a and proc.name = a", "proc.name = a"),
        ("proc.name == a", "proc.name = a"),
        ("proc.name = anyof (a, b)", "proc.name in (a, b)"),
        ("proc.name glob oneof (a*)", "proc.name glob a*"),
        ("proc.name in (a, b, a)", "proc.name in (a, b)"),
        ("proc.name intersects (a, b)", "proc.name in (a, b)"),
        ("proc.name startswith ''", "proc.name exists"),
    ],
)
def test_different_spellings_become_one_condition(text, same):
    assert check(text) == check(same)


def test_equal_parts_become_one_object():
    folded = check("(proc.name = a and proc.pid = 1) or (proc.pname = x and not (proc.name = a and proc.pid = 1))")
    first, second = folded.children
    assert second.children[1].child is first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evt.type = open", ("open",)),
        ("evt.type in (open, close)", ("close", "open")),
        ("evt.type = open and proc.name = a", ("open",)),
        ("evt.type = open or proc.name = a", None),
        ("not (not evt.type = open or proc.name = a)", ("open",)),
        ("evt.type = open and evt.type = close", ()),
        ("evt.type = open and evt.num >= 0", ("open",)),
        ("evt.type = open or evt.num = 0", ("open",)),
        ("evt.type exists", None),
        ("not evt.type exists", ()),
        ("evt.type startswith open", None),
        ("proc.name = a", None),
        ("syscall.type = open", ("open",)),
        ("evt.type = open and proc.name in ()", ("open",)),
    ],
)
def test_event_types_of_a_condition_as_written(text, expected):
    assert event_types.of(types.check_exactly(parser.parse(text))) == expected


def test_not_equal_means_all_other_event_types():
    types_found = event_types.of(check("evt.type != open"))
    assert types_found is not None
    assert "open" not in types_found
    assert "openat" in types_found
    assert types_found == tuple(sorted(types_found))


def test_a_condition_that_folds_to_never_has_no_event_types():
    assert event_types.of(check("evt.type = open and proc.name in ()")) == ()

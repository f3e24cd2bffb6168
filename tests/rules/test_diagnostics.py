"""Findings read like a compiler's."""

from __future__ import annotations

import json

from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity, suggest


def finding(place, **more):
    return Diagnostic(Severity.ERROR, Code.ERR_COMPILE_CONDITION, "unknown field proc.nam", place, **more)


def test_prints_place_line_caret_and_suggestion():
    place = Place("rules.yaml", 12, 14, "  condition: proc.nam = x", 8)
    shown = finding(place, suggestion="proc.name", item_kind="rule", item_name="R").render()
    assert shown.splitlines() == [
        "rules.yaml:12:14: error: unknown field proc.nam [LOAD_ERR_COMPILE_CONDITION]",
        "  12 |   condition: proc.nam = x",
        "     |              ^^^^^^^^",
        "  in rule 'R'; did you mean 'proc.name'?",
    ]


def test_the_caret_stands_right_behind_tabs():
    lines = finding(Place("f", 1, 3, "\t\tx", 1)).render().splitlines()
    assert lines[2] == "    | \t\t^"


def test_of_a_long_line_only_the_surroundings_are_shown():
    line = "a" * 500_000 + "HERE" + "b" * 500_000
    shown = finding(Place("f", 1, 500_001, line, 4)).render()
    source, caret = shown.splitlines()[1:3]
    assert len(shown) < 500
    assert source[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_control_characters_of_a_file_never_reach_the_terminal():
    shown = finding(Place("f", 1, 1, "\x1b[2Jx\u202e", 1), item_kind="rule", item_name="\x1b").render()
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_json_has_what_the_text_has():
    data = finding(Place("f", 3, 5, "some text", 4), suggestion="s", item_kind="rule", item_name="R").to_json()
    assert json.loads(json.dumps(data)) == data
    assert (data["file"], data["line"], data["column"]) == ("f", 3, 5)
    assert data["code"] == "LOAD_ERR_COMPILE_CONDITION"
    assert data["item"] == {"kind": "rule", "name": "R"}


def test_suggests_only_what_is_close():
    assert suggest("proc.nam", ["proc.name", "fd.name"]) == "proc.name"
    assert suggest("zzz", ["proc.name", "fd.name"]) is None

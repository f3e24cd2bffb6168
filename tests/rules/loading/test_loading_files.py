"""What one or several rule files define together."""

from __future__ import annotations

import pytest

from falcon_rules import bundle
from falcon_rules.compiler import options
from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_rules.syntax import printing

RULE = """
- rule: r
  desc: d
  condition: evt.type = open
  output: o
  priority: WARNING
"""


def compile_files(*texts, **wanted):
    files = [documents.Document(f"{index}.yaml", text) for index, text in enumerate(texts)]
    return compilation.compile(files, options.Options(**wanted))


def conditions(*texts):
    result = compile_files(*texts)
    assert [each.render() for each in result.errors] == []
    return {rule.definition.name: printing.text(rule.tree) for rule in result.rules}


def codes(result):
    return [str(each.code) for each in result.diagnostics]


def a_rule(condition, name="r", more=""):
    return f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: WARNING\n{more}"


def test_lists_are_inserted_as_text_and_macros_as_trees():
    text = "- list: l\n  items: [a, two words]\n- macro: m\n  condition: proc.name in (l) or proc.pid = 1\n" + a_rule(
        "evt.type = open and not m"
    )
    assert conditions(text) == {
        "r": '(evt.type = open and not (proc.name in (a, "two words") or proc.pid = 1))',
    }


@pytest.mark.parametrize(
    ("lists", "condition", "expected"),
    [
        ({"l": "[a, b]"}, "proc.name in (c, l, d)", "proc.name in (c, a, b, d)"),
        ({"l": "[]"}, "proc.name in (l)", "proc.name in ()"),
        ({"l": "[]"}, "proc.name in (a, l)", "proc.name in (a)"),
        ({"l": "[]"}, "proc.name in (l, a)", "proc.name in (a)"),
        ({"l": "[]"}, "proc.name in (a, l, b)", "proc.name in (a, b)"),
        ({"l": "[a]"}, "proc.name = l and proc.pid = 1", "(proc.name = a and proc.pid = 1)"),
        ({"l": "[a]"}, "proc.name = lx", "proc.name = lx"),
        ({"l": "[a]"}, 'proc.name in ("l")', 'proc.name in ("l")'),
        ({"my list": "[a, b]"}, "proc.name in (my list)", "proc.name in (a, b)"),
        ({"x": "[a]", "y": "[x, b]"}, "proc.name in (y)", "proc.name in (a, b)"),
        ({"y": "[x, b]", "x": "[a]"}, "proc.name in (y)", "proc.name in (a, b)"),
        ({"x": "[a]", "y": "[x]", "z": "[y]"}, "proc.name in (z)", "proc.name in (a)"),
        ({"x": "[]", "y": "[x, c]"}, "proc.name in (y)", "proc.name in (c)"),
        ({"bash": "[bash, sh]"}, "proc.name in (bash)", "proc.name in (bash, sh)"),
        ({"l": "['\"(systemd)\"']"}, "proc.name in (l)", 'proc.name in ("(systemd)")'),
    ],
)
def test_list_substitution(lists, condition, expected):
    text = "".join(f"- list: {name}\n  items: {items}\n" for name, items in lists.items())
    assert conditions(text + a_rule(f"evt.type = open and ({condition})")) == {"r": f"(evt.type = open and {expected})"}


def test_later_files_replace_append_and_override():
    base = a_rule("evt.type = open or evt.type = close", more="  tags: [b]\n")
    local = """
- rule: r
  condition: and proc.name = cat
  output: at %proc.name
  tags: [a]
  priority: info
  override: {condition: append, output: append, tags: append, priority: replace}
"""
    (rule,) = compile_files(base, local).rules
    assert printing.text(rule.tree) == "(evt.type = open or (evt.type = close and proc.name = cat))"
    assert rule.output_text == "o at %proc.name"
    assert rule.definition.tags == {"a", "b"}
    assert rule.definition.priority is bundle.Priority.INFORMATIONAL


def test_a_redefinition_in_a_later_file_replaces_everything_and_keeps_the_place():
    first = a_rule("evt.type = open", "a", "  tags: [x]\n") + a_rule("evt.type = open", "b")
    result = compile_files(first, a_rule("evt.type = close", "a"))
    assert result.diagnostics == ()
    assert [rule.definition.name for rule in result.rules] == ["a", "b"]
    assert result.rules[0].definition.tags == frozenset()


def test_two_definitions_in_one_file_are_an_error_that_names_both_places():
    result = compile_files(RULE + RULE)
    (error,) = result.errors
    assert error.code == "FALCON_DUPLICATE_NAME"
    assert "line 2" in error.message
    assert error.place.line == 8


def test_a_rule_with_an_error_drops_out_alone():
    text = (
        a_rule("evt.type = open and proc.nam = x", "bad field")
        + a_rule("evt.type = open and", "bad syntax")
        + a_rule("evt.type = open and nowhere", "bad macro")
        + "- rule: bad shape\n  desc: d\n"
        + "- nonsense\n"
        + RULE
    )
    result = compile_files(text)
    assert [rule.name for rule in result.bundle.rules] == ["r"]
    assert len(result.errors) == 5


def test_a_broken_macro_is_reported_once_and_its_users_drop_out_with_a_note():
    text = (
        "- macro: m\n  condition: proc.name =\n- macro: n\n  condition: m\n"
        + a_rule("evt.type = open and n", "user")
        + RULE
    )
    result = compile_files(text)
    assert len(result.errors) == 1
    assert [rule.name for rule in result.bundle.rules] == ["r"]
    notes = [each for each in result.diagnostics if each.severity == "note"]
    assert [note.item_name for note in notes] == ["n", "user"]


def test_cycles_of_macros_are_one_error():
    text = "- macro: a\n  condition: proc.pid = 1\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n"
    result = compile_files(text + a_rule("evt.type = open and a"))
    (error,) = result.errors
    assert error.message == "reference loop in macro 'a': a -> b -> a"


def test_a_long_chain_of_macros_needs_no_recursion():
    macros = ["- macro: m0\n  condition: evt.type = open\n"]
    macros += [f"- macro: m{i}\n  condition: m{i - 1}\n" for i in range(1, 3000)]
    assert conditions("".join(macros) + a_rule("m2999")) == {"r": "evt.type = open"}


@pytest.mark.parametrize(
    "step", ["not m{0}", "m{0} or proc.pid = {0}", "m{0} and m{0}"], ids=["deep", "deep or", "doubling"]
)
def test_macros_that_grow_without_end_are_an_error(step):
    macros = ["- macro: m0\n  condition: evt.type = open\n"]
    macros += [f"- macro: m{i}\n  condition: {step.format(i - 1)}\n" for i in range(1, 250)]
    result = compile_files("".join(macros) + a_rule("m249"))
    assert [str(error.code) for error in result.errors] == ["LOAD_ERR_COMPILE_CONDITION"]
    assert result.rules == ()


def test_lists_that_multiply_are_an_error():
    lists = ["- list: l0\n  items: [aaaaaaaaaaaaaaaaaaaa]\n"]
    lists += [f"- list: l{i}\n  items: [{', '.join([f'l{i - 1}'] * 20)}]\n" for i in range(1, 8)]
    result = compile_files("".join(lists) + a_rule("evt.type = open and proc.name in (l7)"))
    (error,) = result.errors
    assert "expands to more than" in error.message


def test_diagnostics_point_into_macros_lists_and_appended_text():
    text = """\
- list: users
  items: [root, "(x"]
- macro: m
  condition: >
    evt.type = open and
    proc.nam = cat
- rule: in macro
  desc: d
  condition: m
  output: o
  priority: INFO
- rule: in list
  desc: d
  condition: evt.type = open and user.name in (users)
  output: o
  priority: INFO
- rule: in append
  desc: d
  condition: evt.type = open
  output: o
  priority: INFO
- rule: in append
  condition: and proc.pid contains 3
  override: {condition: append}
"""
    places = {e.item_name: (e.place.line, e.place.column) for e in compile_files(text).errors}
    lines = text.splitlines()
    assert places == {
        "in macro": (6, lines[5].index("proc.nam") + 1),
        "in list": (2, lines[1].index("(x") + 1),
        "in append": (23, lines[22].index("proc.pid") + 1),
    }


EXCEPTION = RULE + "  exceptions:\n  - "


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ("{name: e, fields: proc.name, values: [a, b c]}", 'proc.name in (a, "b c")'),
        ("{name: e, fields: fd.name, comps: pmatch, values: [/etc]}", "fd.name pmatch (/etc)"),
        ("{name: e, fields: fd.name, comps: startswith anyof, values: [/etc]}", "fd.name startswith anyof (/etc)"),
        ("{name: e, fields: [proc.name, fd.name], values: [[a, /x]]}", "(proc.name = a and fd.name = /x)"),
        (
            "{name: e, fields: [proc.name, fd.name], comps: [in, contains], values: [[[a, b], y z], [c, d]]}",
            '((proc.name in (a, b) and fd.name contains "y z") or (proc.name in (c) and fd.name contains d))',
        ),
        (
            "{name: e, fields: [tolower(proc.name)], values: [[val(proc.pname)]]}",
            "tolower(proc.name) = val(proc.pname)",
        ),
    ],
)
def test_exceptions_become_part_of_the_condition(exception, expected):
    assert conditions(EXCEPTION + exception) == {"r": f"(evt.type = open and not {expected})"}


def test_replaced_exceptions_get_the_default_operator():
    local = "- rule: r\n  exceptions: [{name: f, fields: fd.name, values: [/z]}]\n  override: {exceptions: replace}\n"
    text = EXCEPTION + "{name: e, fields: proc.name, values: [a]}"
    assert conditions(text, local) == {"r": "(evt.type = open and not fd.name in (/z))"}


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("{fields: proc.name}", "has no 'name'"),
        ("{name: e}", "has no 'fields'"),
        ("{name: e, fields: }", "names no fields"),
        ("{name: e, fields: proc.name, values: ['']}", "empty text"),
        ("{name: e, fields: proc.nam}", "unknown field"),
        ("{name: e, fields: [proc.name], comps: [is]}", "no operator"),
        ("{name: e, fields: proc.name, comps: '='}", "takes a list"),
        ("{name: e, fields: [proc.name, fd.name], comps: [in]}", "2 fields but 1 comps"),
        ("{name: e, fields: proc.name, values: [[a]]}", "must be texts"),
        ("{name: e, fields: [proc.name, fd.name], values: [[a]]}", "a list of 2"),
        ("{name: e, fields: [proc.name], comps: [in], values: [[[a, [b]]]]}", "another list"),
    ],
)
def test_exceptions_of_wrong_shape(exception, message):
    (error,) = compile_files(EXCEPTION + exception).errors
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("- rule: [a\n", "LOAD_ERR_YAML_PARSE", "not YAML"),
        ("rules: []\n", "LOAD_ERR_YAML_VALIDATE", "a list of rules"),
        ("- rule: r\n", "LOAD_ERR_YAML_VALIDATE", "has no 'enabled'"),
        ("- rule:\n  desc: d\n", "LOAD_ERR_YAML_VALIDATE", "'rule' is empty"),
        (RULE.replace("WARNING", "urgent"), "LOAD_ERR_YAML_VALIDATE", "must be one of Emergency"),
        (RULE + "  enabled: maybe\n", "LOAD_ERR_YAML_VALIDATE", "true or false"),
        (RULE + "  tags: host\n", "LOAD_ERR_YAML_VALIDATE", "'tags' must be a list"),
        (RULE + "  capture_duration: -1\n", "LOAD_ERR_YAML_VALIDATE", "milliseconds"),
        ("- list: l\n  items: [a, ~]\n", "LOAD_ERR_YAML_VALIDATE", "plain values"),
        ("- list: l\n  items: [a]\n  override: {items: append}\n", "LOAD_ERR_VALIDATE", "no list 'l' yet"),
        ("- required_engine_version: 0.99.0\n", "LOAD_ERR_VALIDATE", "requires engine version 0.99.0"),
        ("- required_engine_version: 0.57\n", "LOAD_ERR_YAML_VALIDATE", "three numbers"),
        ("- rule: r\n  condition: x\n  override: {condition: append}\n", "LOAD_ERR_VALIDATE", "no rule 'r' yet"),
        (RULE + "- rule: r\n  desc: x\n  override: {priority: append}\n", "LOAD_ERR_YAML_VALIDATE", "only replaced"),
        (RULE + "- rule: r\n  desc: x\n  tags: [a]\n  override: {desc: append}\n", "LOAD_ERR_YAML_VALIDATE", "'tags'"),
    ],
)
def test_refuses_with_one_error(text, code, message):
    (error,) = compile_files(text).errors
    assert (error.code, message in error.message) == (code, True), error.render()
    assert error.place.line >= 1


def test_a_file_for_a_newer_engine_is_left_out():
    result = compile_files("- required_engine_version: 0.99.0\n" + RULE, a_rule("evt.type = open", "other"))
    assert [rule.name for rule in result.bundle.rules] == ["other"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (RULE + "  colour: red\n", "LOAD_UNKNOWN_KEY"),
        (RULE + "  priority: INFO\n", "FALCON_DUPLICATE_KEY"),
        (
            "- list: l\n  items: [a]\n- list: l\n  items: [b]\n" + a_rule("evt.type = open and proc.name in (l)"),
            "FALCON_DUPLICATE_NAME",
        ),
        (RULE + "  source: k8s_audit\n", "LOAD_UNKNOWN_SOURCE"),
        ("- thing: x\n", "LOAD_UNKNOWN_ITEM"),
        ("- macro: m\n  condition: proc.pid = 1\n", "LOAD_UNUSED_MACRO"),
        ("- list: l\n  items: [a]\n", "LOAD_UNUSED_LIST"),
        (a_rule("proc.name = cat"), "LOAD_NO_EVTTYPE"),
        (a_rule("nosuch.field = 1", more="  skip-if-unknown-filter: true\n"), "LOAD_UNKNOWN_FILTER"),
        (a_rule("evt.type = open and proc.name = proc.pname"), "LOAD_COMPILE_CONDITION"),
        (a_rule("evt.type = open and proc.name regex ^.*cat$"), "LOAD_COMPILE_CONDITION"),
        (a_rule("evt.type = open and evt.dir = <"), "LOAD_DEPRECATED_ITEM"),
        (RULE.replace("output: o", "output: o %container.info"), "LOAD_DEPRECATED_ITEM"),
        (RULE + "- rule: r\n  enabled: false\n", "LOAD_DEPRECATED_ITEM"),
    ],
)
def test_warns(text, code):
    result = compile_files(text)
    assert codes(result) == [code]
    assert result.errors == ()


def test_unused_names_are_not_reported_beside_errors():
    result = compile_files("- macro: m\n  condition: proc.pid = 1\n" + a_rule("evt.type = open and m and ("))
    assert codes(result) == ["LOAD_ERR_COMPILE_CONDITION"]


def test_selection_and_minimum_priority_decide_what_is_active():
    text = a_rule("evt.type = open", "one", "  tags: [t]\n") + a_rule("evt.type = open", "two", "  enabled: no\n")
    enabled = {"selections": (options.Selection(False, rule="*"), options.Selection(True, tag="t"))}
    assert [rule.name for rule in compile_files(text, **enabled).bundle.rules] == ["one"]
    assert [rule.name for rule in compile_files(text).bundle.rules] == ["one"]
    assert compile_files(text, min_priority=bundle.Priority.ERROR).bundle.rules == ()


def test_a_selection_of_nothing_is_a_warning():
    result = compile_files(RULE, selections=(options.Selection(False, rule="R*x"),))
    assert codes(result) == ["FALCON_SELECTS_NOTHING"]


def test_extra_output_goes_to_the_rules_it_fits():
    extra = (options.ExtraOutput("E %proc.name"), options.ExtraOutput("T", tags=frozenset({"t", "u"})))
    (rule,) = compile_files(RULE + "  tags: [t]\n", extra_outputs=extra).rules
    assert rule.output_text == "o E %proc.name"


def test_an_empty_exceptions_key_means_none():
    assert conditions(RULE + "  exceptions:\n") == {"r": "evt.type = open"}


def test_the_output_is_judged_before_the_condition():
    text = a_rule("evt.type = open and").replace("output: o", "output: '%nosuch.field'")
    assert codes(compile_files(text)) == ["LOAD_ERR_COMPILE_OUTPUT"]


def test_the_bundle_carries_what_the_sensor_needs():
    (rule,) = compile_files(a_rule("evt.type in (open, openat)", more="  tags: [b, a]\n")).bundle.rules
    assert rule.event_types == ("open", "openat")
    assert rule.tags == ("a", "b")
    assert rule.uid == rule.name == "r"

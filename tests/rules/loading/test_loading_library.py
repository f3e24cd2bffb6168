"""Rules compiled one by one against shared macros and lists."""

from __future__ import annotations

import pytest

from falcon_rules.loading import library, loader
from falcon_rules.model import definitions, documents

RULE = "- {{rule: R, desc: d, output: x, priority: INFO, condition: '{condition}'}}\n"


def loaded(text: str) -> definitions.Loaded:
    found = loader.load([documents.Document("f.yaml", text)])
    assert not [each for each in found.diagnostics if each.is_error]
    return found


def rule(condition: str) -> definitions.RuleDefinition:
    return loaded(RULE.format(condition=condition)).rules["R"]


WORDS = loaded(
    "- {list: inner, items: [a, b]}\n"
    "- {list: outer, items: [inner, c]}\n"
    "- {macro: one, condition: proc.name in (outer)}\n"
    "- {macro: two, condition: one and evt.type = open}\n"
    "- {macro: alone, condition: proc.pid = 1}\n"
)


def test_words_are_all_that_the_meaning_hangs_on() -> None:
    words = library.Library(WORDS).words(rule("two and proc.exe = maybe"))
    assert {"two", "one", "outer", "inner", "a", "maybe"} <= words
    assert "alone" not in words


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ("- {list: inner, items: [a]}", {"inner"}),
        ("- {macro: alone, condition: proc.pid = 2}", {"alone"}),
        ("- {macro: new, condition: proc.pid = 2}", {"new"}),
        ("- {macro: alone, condition: proc.pid = 1}", set()),
    ],
)
def test_changed_names(changed: str, names: set[str]) -> None:
    other = loaded(changed)
    merged = definitions.Loaded({**WORDS.lists, **other.lists}, {**WORDS.macros, **other.macros})
    assert library.Library(WORDS).changed(library.Library(merged)) == names
    assert library.Library(merged).changed(library.Library(WORDS)) == names


def test_names_that_cannot_be_found_as_words_make_all_depend_on_all() -> None:
    odd = definitions.Loaded({**WORDS.lists, **loaded("- {list: 'a b', items: [x]}").lists}, WORDS.macros)
    assert library.Library(odd).words(rule("proc.pid = 1")) == library.EVERYTHING
    assert library.Library(WORDS).changed(library.Library(odd)) == library.EVERYTHING
    assert library.Library(odd).changed(library.Library(odd)) == frozenset()


def test_compiling_leaves_nothing_behind() -> None:
    shared = library.Library(WORDS)
    first = shared.compile(rule("two and proc.nam = x"))
    for _ in range(50):
        shared.compile(rule("two and proc.pid = 7"))
    again = shared.compile(rule("two and proc.nam = x"))
    assert [each.render() for each in first.diagnostics] == [each.render() for each in again.diagnostics]
    assert shared.compile(rule("two")).rule is not None


def test_local_names_go_first_and_end_with_their_rule() -> None:
    shared = library.Library(WORDS)
    local = loaded("- {macro: alone, condition: evt.type = execve}\n- {list: inner, items: [z]}")
    with_local = shared.compile(rule("alone and proc.name in (inner)"), local)
    without = shared.compile(rule("alone and proc.name in (inner)"))
    assert with_local.rule is not None
    assert without.rule is not None
    assert (with_local.rule.event_types, without.rule.event_types) == (("execve",), None)
    assert with_local.rule.condition != without.rule.condition


def test_an_error_in_a_local_macro_is_the_rules() -> None:
    local = definitions.Loaded(macros=loaded("- {macro: mine, condition: 'proc.pid ='}").macros)
    result = library.Library(WORDS).compile(rule("mine"), local)
    assert result.rule is None
    assert any(each.is_error for each in result.diagnostics)


def test_a_rule_left_out_because_of_a_shared_macro_has_an_error_of_its_own() -> None:
    broken = loaded("- {macro: bad, condition: 'proc.pid ='}\n- {macro: user, condition: bad}")
    result = library.Library(broken).compile(rule("user"))
    assert result.rule is None
    assert [each.item_kind for each in result.diagnostics if each.is_error] == ["rule", "macro"]

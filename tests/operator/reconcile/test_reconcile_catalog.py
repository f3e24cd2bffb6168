"""What resources compile to, one by one and together."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import yaml
from tests.operator.support.manifests import cluster_rule, compiled, only, rule, rule_set

from falcon_operator.reconcile import catalog, compiling, resources
from falcon_rules import bundle
from falcon_rules.diagnostics import Code
from falcon_rules.model.manifests import Kind

BROKEN: dict[str, Any] = {"condition": "evt.type = execve and\n  proc.nam = bash"}
FALCO_RULE = {
    "rule": "Shell in file",
    "desc": "d",
    "condition": "evt.type = execve and proc.name = zsh",
    "output": "%proc.name",
    "priority": "NOTICE",
}


def text(*items: dict[str, Any]) -> str:
    return yaml.safe_dump(list(items), sort_keys=False)


def test_a_rule_compiles_with_everything_its_manifest_says() -> None:
    given = rule(
        rule="Shell started",
        description="why",
        mode="Shadow",
        tags=["b", "a"],
        scope={"podSelector": {"matchLabels": {"app": "web"}}, "containerNames": ["main*"], "images": ["nginx*"]},
        rateLimit={"alerts": 3, "per": "1m30s", "key": "Rule"},
        extraFields={"team": "red"},
        nodeSelector={"disk": "ssd"},
    )
    entry = only(compiled(given), given)
    good = entry.good
    assert good is not None
    assert (entry.verdict, entry.diagnostics, entry.node_selector) == (catalog.Verdict.GOOD, (), {"disk": "ssd"})
    assert (good.uid, good.name, good.description, good.priority) == (
        "team/shell",
        "Shell started",
        "why",
        bundle.Priority.WARNING,
    )
    assert good.scope == bundle.Scope("team", (("app", "web"),), ("main*",), ("nginx*",), host=False)
    assert good.rate_limit == bundle.RateLimit(3, 90.0, bundle.LimitKey.RULE)
    assert (good.mode, good.tags, good.extra_fields) == (bundle.Mode.SHADOW, ("a", "b"), (("team", "red"),))
    assert good.event_types == ("execve",)


def test_a_cluster_wide_rule_sees_all_namespaces_and_hosts() -> None:
    given = cluster_rule()
    good = only(compiled(given), given).good
    assert good is not None
    assert (good.uid, good.scope) == ("cluster/shell", bundle.Scope())


def test_a_cluster_wide_rule_can_leave_hosts_out() -> None:
    given = cluster_rule(scope={"host": False})
    good = only(compiled(given), given).good
    assert good is not None
    assert good.scope.host is False


def test_a_namespaced_rule_cannot_ask_for_hosts() -> None:
    given = rule(scope={"host": True})
    entry = only(compiled(given), given)
    assert (entry.verdict, entry.good) == (catalog.Verdict.INVALID, None)
    assert "spec.scope.host is no field" in entry.diagnostics[0].message


def test_label_expressions_become_part_of_the_condition_and_never_let_hosts_in() -> None:
    given = cluster_rule(
        scope={"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["test"]}]}}
    )
    plain = cluster_rule()
    good, other = only(compiled(given), given).good, only(compiled(plain), plain).good
    assert good is not None
    assert other is not None
    assert good.condition != other.condition
    assert good.scope.host is False


def test_uids_are_unique_even_in_a_namespace_called_cluster() -> None:
    given = [rule(namespace="cluster"), cluster_rule(), rule_set("shell", rules=text({**FALCO_RULE, "rule": "shell"}))]
    assert len({entry.uid for entry in compiled(*given).entries()}) == 3


@pytest.mark.parametrize("name", ["Shell \"quoted\" 'and' so on", "日本語 ✓", "a/b:c%d\\e", "* {} <script>", " "])
def test_odd_names_are_kept_as_they_are(name: str) -> None:
    given = rule(rule=name)
    good = only(compiled(given), given).good
    assert good is not None
    assert good.name == name


def test_positions_count_within_the_text_as_it_was_written() -> None:
    given = rule(**BROKEN)
    (found,) = only(compiled(given), given).diagnostics
    assert (found.place.file, found.place.line, found.place.column) == ("falconrule/team/shell: spec.condition", 2, 3)
    assert found.suggestion == "proc.name"
    assert "^" in found.render()


def test_an_error_in_an_output_points_into_the_output() -> None:
    given = rule(output="user=%user.nam")
    (found,) = only(compiled(given), given).diagnostics
    assert found.place.file == "falconrule/team/shell: spec.output"
    assert found.place.column == 7


def test_an_error_in_an_exception_points_at_its_value() -> None:
    given = rule(exceptions=[{"name": "e", "fields": ["proc.name", "proc.pid"], "values": [["a", "b"]]}])
    (found,) = only(compiled(given), given).diagnostics
    assert found.place.file.startswith("falconrule/team/shell: spec.exceptions[0].")


def test_exceptions_take_numbers_as_they_come_from_yaml() -> None:
    given = rule(exceptions=[{"name": "e", "fields": ["proc.name", "proc.pid"], "values": [["a", 7]]}])
    assert only(compiled(given), given).verdict is catalog.Verdict.GOOD


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"priority": "Warnin"}, "Warning"),
        ({"condition": 7}, "spec.condition"),
        ({"conditon": "x"}, "spec.conditon is no field"),
        ({"rateLimit": {"alerts": 0}}, "spec.rateLimit.alerts"),
        ({"rateLimit": {"alerts": 1, "per": "soon"}}, "spec.rateLimit.per"),
        ({"mode": "Silent"}, "spec.mode"),
        ({"tests": [{"name": "t"}]}, "spec.tests[0].event"),
        ({"exceptions": "none"}, "spec.exceptions"),
    ],
)
def test_a_malformed_spec_is_one_clear_finding(spec: dict[str, Any], told: str) -> None:
    given = rule(**spec)
    entry = only(compiled(given), given)
    assert entry.verdict is catalog.Verdict.INVALID
    assert any(told in f"{each.message} {each.suggestion}" for each in entry.diagnostics)


def test_a_bad_rule_drops_out_alone() -> None:
    rules = compiled(rule("a"), rule("b", **BROKEN), rule("c"))
    assert [entry.uid for entry in rules.entries() if entry.in_force] == ["team/a", "team/c"]


# ------------------------------------------------------------------------------------------ last good versions


def test_a_rule_that_breaks_keeps_its_last_good_version() -> None:
    rules = compiled(rule())
    before = only(rules, rule())
    rules.put(rule(generation=2, **BROKEN))
    changes = rules.compile()
    after = only(rules, rule())
    assert (after.verdict, after.generation) == (catalog.Verdict.COMPILE_ERROR, 2)
    assert (after.good, after.hash) == (before.good, before.hash)
    assert changes.uids == {"team/shell"}
    assert list(rules.held()) == [before.good]


@pytest.mark.parametrize("spec", [{"condition": ""}, {"condition": None}, {"priority": 3}, {"nonsense": 1}])
def test_a_spec_that_becomes_malformed_keeps_what_was_in_force(spec: dict[str, Any]) -> None:
    rules = compiled(rule(nodeSelector={"a": "b"}))
    rules.put(rule(generation=2, **spec))
    rules.compile()
    entry = only(rules, rule())
    assert entry.verdict is catalog.Verdict.INVALID
    assert (entry.in_force is not None, entry.node_selector) == (True, {"a": "b"})


def test_a_broken_rule_can_still_be_switched_off() -> None:
    rules = compiled(rule())
    rules.put(rule(generation=2, enabled=False, **BROKEN))
    rules.compile()
    assert only(rules, rule()).in_force is None


def test_the_good_version_comes_back_when_the_rule_is_mended() -> None:
    rules = compiled(rule())
    rules.put(rule(generation=2, **BROKEN))
    rules.compile()
    rules.put(rule(generation=3, condition="evt.type = execve and proc.name = zsh"))
    rules.compile()
    entry = only(rules, rule())
    assert (entry.verdict, entry.generation, list(rules.held())) == (catalog.Verdict.GOOD, 3, [])


def test_nothing_is_left_of_a_rule_that_was_deleted_and_made_again() -> None:
    rules = compiled(rule(uid="first"))
    rules.remove(rule().ref)
    rules.put(rule(uid="second", **BROKEN))
    rules.compile()
    assert only(rules, rule()).good is None


def test_what_was_held_before_a_restart_is_held_after_it() -> None:
    before = compiled(rule())
    before.put(rule(generation=2, **BROKEN))
    before.compile()
    after = catalog.Catalog()
    after.recall(before.held())
    after.put(rule(generation=2, **BROKEN))
    after.compile()
    assert only(after, rule()).in_force == only(before, rule()).in_force
    assert only(after, rule()).hash == only(before, rule()).hash


# ------------------------------------------------------------------------------------------ coming and going


def test_putting_the_same_again_is_nothing_to_do() -> None:
    rules = compiled(rule())
    assert rules.put(rule()) is False
    assert rules.compile() == catalog.Changes()


def test_a_new_generation_that_says_the_same_is_taken_note_of() -> None:
    rules = compiled(rule())
    before = only(rules, rule())
    assert rules.put(rule(generation=3)) is True
    rules.compile()
    after = only(rules, rule())
    assert (after.generation, after.hash) == (3, before.hash)


def test_a_removed_rule_is_gone() -> None:
    rules = compiled(rule("a"), rule("b"))
    assert rules.remove(rule("a").ref) is True
    assert rules.remove(rule("never").ref) is False
    assert rules.compile().uids == {"team/a"}
    assert [entry.uid for entry in rules.entries()] == ["team/b"]
    assert rules.resource(rule("a").ref) is None


def test_a_rule_removed_before_it_was_compiled_never_appears() -> None:
    rules = catalog.Catalog()
    rules.put(rule())
    assert rules.remove(rule().ref) is True
    rules.compile()
    assert list(rules.entries()) == []


def test_a_deleted_namespace_takes_its_rules_along() -> None:
    rules = compiled(rule("a"), rule("b"), rule("c", namespace="other"), cluster_rule())
    assert rules.remove_namespace("team") is True
    assert rules.remove_namespace("team") is False
    rules.compile()
    assert [entry.uid for entry in rules.entries()] == ["cluster/shell", "other/c"]


def test_nodes_are_no_rules() -> None:
    given = resources.Resource(resources.Ref(Kind.NODE, "", "n1"), 1, {})
    assert catalog.Catalog().put(given) is False


def test_rules_are_tried_cluster_first_then_sets_then_namespaces_the_urgent_before_the_rest() -> None:
    rules = compiled(
        rule("a", priority="EMERGENCY"),
        rule("z", priority="debug"),
        cluster_rule("low", priority="Notice"),
        cluster_rule("high", priority="Critical"),
        rule_set(rules=text({**FALCO_RULE, "rule": "second"}, {**FALCO_RULE, "rule": "first", "priority": "ERROR"})),
    )
    assert [entry.uid for entry in rules.entries()] == [
        *("cluster/high", "cluster/low"),
        *("set:words/second", "set:words/first"),
        *("team/a", "team/z"),
    ]


# ------------------------------------------------------------------------------------------ shared and local names


def test_rules_use_the_macros_and_lists_of_sets() -> None:
    words = rule_set(
        lists=[{"list": "my_shells", "items": ["bash", "zsh"]}],
        macros=[{"macro": "shell_started", "condition": "evt.type = execve and proc.name in (my_shells)"}],
    )
    given = rule(condition="shell_started and user.uid = 0")
    entry = only(compiled(words, given), given)
    assert entry.good is not None
    assert entry.good.event_types == ("execve",)


def test_sets_see_each_other_in_any_order() -> None:
    first = rule_set("a", macros=[{"macro": "one", "condition": "two"}])
    second = rule_set("b", macros=[{"macro": "two", "condition": "evt.type = execve and proc.name in (three)"}])
    third = rule_set("c", rules=text({"list": "three", "items": ["x"]}))
    given = rule(condition="one")
    assert only(compiled(first, second, third, given), given).verdict is catalog.Verdict.GOOD


def test_local_names_go_first_for_their_rule_and_no_other() -> None:
    words = rule_set(
        macros=[{"macro": "here", "condition": "evt.type = execve and proc.name in (names)"}],
        lists=[{"list": "names", "items": ["a"]}],
    )
    local = rule("local", condition="here", macros=[{"macro": "here", "condition": "evt.type = open"}])
    shared = rule("shared", condition="here")
    nested = rule("nested", condition="here", lists=[{"list": "names", "items": ["b"]}])
    rules = compiled(words, local, shared, nested)
    types = {name: entry.good.event_types for name in ("local", "shared") if (entry := only(rules, rule(name))).good}
    assert types == {"local": ("open",), "shared": ("execve",)}
    # What a shared macro means does not depend on who uses it.
    assert only(rules, nested).hash.startswith("sha256:")
    good, same = only(rules, nested).good, only(rules, shared).good
    assert good is not None
    assert same is not None
    assert good.condition == same.condition


def test_a_changed_macro_recompiles_its_users_and_only_them() -> None:
    macros = [{"macro": "inner", "condition": "proc.name = a"}, {"macro": "outer", "condition": "inner"}]
    rules = compiled(
        rule_set(macros=macros),
        rule("user", condition="evt.type = execve and outer"),
        rule("other"),
    )
    before = only(rules, rule("user"))
    inner = {"macro": "inner", "condition": "proc.name = b"}
    rules.put(rule_set(generation=2, macros=[inner, macros[1]]))
    changes = rules.compile()
    assert changes.uids == {"team/user"}
    assert rule("user").ref in changes.refs
    assert only(rules, rule("user")).hash != before.hash


def test_a_word_that_becomes_a_list_changes_the_rules_that_use_it() -> None:
    given = rule(condition="evt.type = execve and proc.name in (later)")
    rules = compiled(given)
    before = only(rules, given)
    rules.put(rule_set(lists=[{"list": "later", "items": ["x", "y"]}]))
    assert rules.compile().uids == {"team/shell"}
    assert only(rules, given).hash != before.hash


def test_a_missing_macro_that_appears_mends_the_rule() -> None:
    given = rule(condition="evt.type = execve and missing")
    rules = compiled(given)
    assert only(rules, given).verdict is catalog.Verdict.COMPILE_ERROR
    rules.put(rule_set(macros=[{"macro": "missing", "condition": "proc.name = x"}]))
    rules.compile()
    assert only(rules, given).verdict is catalog.Verdict.GOOD


def test_a_deleted_set_leaves_its_users_in_force_as_they_were() -> None:
    words = rule_set(macros=[{"macro": "shared", "condition": "proc.name = x"}])
    given = rule(condition="evt.type = execve and shared")
    rules = compiled(words, given)
    before = only(rules, given)
    rules.remove(words.ref)
    rules.compile()
    after = only(rules, given)
    assert (after.verdict, after.good) == (catalog.Verdict.COMPILE_ERROR, before.good)


def test_a_broken_macro_is_told_with_each_rule_that_uses_it() -> None:
    words = rule_set(
        macros=[{"macro": "bad", "condition": "proc.name ="}, {"macro": "fine", "condition": "proc.pid = 1"}]
    )
    user, other = (
        rule("user", condition="evt.type = execve and bad"),
        rule("other", condition="evt.type = execve and fine"),
    )
    rules = compiled(words, user, other)
    entry = only(rules, user)
    assert entry.verdict is catalog.Verdict.COMPILE_ERROR
    assert any(each.place.file == "falconruleset/words: spec.macros[0].condition" for each in entry.diagnostics)
    assert only(rules, other).verdict is catalog.Verdict.GOOD


def test_a_rule_that_names_no_event_type_is_warned_about() -> None:
    given = rule(condition="proc.name = bash")
    entry = only(compiled(given), given)
    assert (entry.verdict, [each.code for each in entry.diagnostics]) == (catalog.Verdict.GOOD, [Code.NO_EVTTYPE])


def test_unused_local_names_are_warned_about() -> None:
    given = rule(lists=[{"list": "idle", "items": ["x"]}], macros=[{"macro": "lazy", "condition": "proc.pid = 1"}])
    codes = {each.code for each in only(compiled(given), given).diagnostics}
    assert codes == {Code.UNUSED_LIST, Code.UNUSED_MACRO}


def test_a_loop_of_macros_breaks_only_its_users() -> None:
    words = rule_set(macros=[{"macro": "a", "condition": "b"}, {"macro": "b", "condition": "a"}])
    user, other = rule("user", condition="a"), rule("other")
    rules = compiled(words, user, other)
    assert only(rules, user).verdict is catalog.Verdict.COMPILE_ERROR
    assert only(rules, other).verdict is catalog.Verdict.GOOD


# ------------------------------------------------------------------------------------------ rule files in sets


def test_each_rule_of_a_rule_file_is_reported() -> None:
    words = rule_set(
        rules=text(
            FALCO_RULE,
            {**FALCO_RULE, "rule": "Bad", "condition": "proc.nam = x"},
            {**FALCO_RULE, "rule": "Off", "enabled": False},
        )
    )
    entries = {entry.uid: entry for entry in compiled(words).of(words.ref)}
    assert {uid: entry.verdict for uid, entry in entries.items()} == {
        "set:words/Shell in file": catalog.Verdict.GOOD,
        "set:words/Bad": catalog.Verdict.COMPILE_ERROR,
        "set:words/Off": catalog.Verdict.GOOD,
    }
    assert entries["set:words/Off"].in_force is None
    (found,) = [each for each in entries["set:words/Bad"].diagnostics if each.is_error]
    assert found.place.file == "falconruleset/words: spec.rules"
    assert found.place.line > 5


def test_a_later_set_may_override_a_rule_of_an_earlier_one() -> None:
    first = rule_set("a", rules=text(FALCO_RULE))
    second = rule_set(
        "b",
        rules=text({"rule": "Shell in file", "condition": "or proc.name = fish", "override": {"condition": "append"}}),
    )
    plain, changed = compiled(first), compiled(first, second)
    assert only(plain, first).hash != only(changed, first).hash
    assert list(changed.of(second.ref)) == []


def test_only_what_changed_in_a_rule_file_is_compiled_again() -> None:
    other = {**FALCO_RULE, "rule": "Other"}
    rules = compiled(rule_set(rules=text(FALCO_RULE, other)))
    rules.put(rule_set(generation=2, rules=text(FALCO_RULE, {**other, "priority": "ERROR"})))
    rules.compile()
    by_uid = {entry.uid: entry for entry in rules.entries()}
    assert by_uid["set:words/Other"].good is not None
    assert by_uid["set:words/Other"].good.priority is bundle.Priority.ERROR
    assert {entry.generation for entry in by_uid.values()} == {2}


@pytest.mark.parametrize("broken", ["- rule: [", "\t", "- rule: x\n  desc: 'y"])
def test_a_rule_file_that_stops_being_yaml_counts_as_it_was(broken: str) -> None:
    words = rule_set(rules=text(FALCO_RULE, {"macro": "shared", "condition": "proc.name = x"}))
    given = rule(condition="evt.type = execve and shared")
    rules = compiled(words, given)
    rules.put(rule_set(generation=2, rules=broken))
    rules.compile()
    assert only(rules, given).verdict is catalog.Verdict.GOOD
    assert only(rules, words).in_force is not None
    assert rules.rejections(words.ref)[0].code is Code.ERR_YAML_PARSE


def test_a_rule_whose_entry_becomes_malformed_keeps_its_last_good_version() -> None:
    words = rule_set(rules=text(FALCO_RULE))
    rules = compiled(words)
    before = only(rules, words)
    rules.put(rule_set(generation=2, rules=text({**FALCO_RULE, "priority": "URGENT"})))
    rules.compile()
    after = only(rules, words)
    assert (after.verdict, after.good, after.generation) == (catalog.Verdict.COMPILE_ERROR, before.good, 2)
    rules.put(rule_set(generation=3, rules=text({"macro": "m", "condition": "proc.pid = 1"})))
    rules.compile()
    assert list(rules.of(words.ref)) == []


def test_rules_that_ask_to_be_skipped_are_no_errors() -> None:
    words = rule_set(rules=text({**FALCO_RULE, "condition": "ka.verb = get", "skip-if-unknown-filter": True}))
    assert {entry.verdict for entry in compiled(words).of(words.ref)} == {catalog.Verdict.SKIPPED}


# ------------------------------------------------------------------------------------------ tests of rules


def test_a_rule_with_passing_tests_is_good() -> None:
    given = rule(
        tests=[
            {"name": "bash", "event": {"evt.type": "execve", "proc.name": "bash"}, "match": True},
            {"name": "ls", "event": {"evt.type": "execve", "proc.name": "ls"}, "match": False},
        ]
    )
    assert only(compiled(given), given).verdict is catalog.Verdict.GOOD


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"event": {"evt.type": "execve", "proc.name": "ls"}}, "proc.name (here 'ls')"),
        ({"event": {"evt.type": "execve"}}, "proc.name (which the event lacks)"),
        ({"event": {"evt.type": "execve", "proc.name": "sh"}, "match": False}, "not to hold"),
        ({"event": {"evt.type": "execve", "proc.nme": "sh"}}, "proc.nme"),
        ({"event": {"evt.type": "exec", "proc.name": "sh"}}, "unknown type 'exec'"),
        ({"event": {"evt.type": "execve", "proc.name": ["sh"]}, "match": False}, "wrong value"),
        ({"event": {"evt.type": "execve", "proc.pid": "many"}, "match": False}, "wrong value"),
    ],
)
def test_a_failing_test_refuses_the_rule(case: dict[str, Any], told: str) -> None:
    rules = compiled(rule())
    rules.put(rule(generation=2, tests=[{"name": "mine", **case}]))
    rules.compile()
    entry = only(rules, rule())
    assert entry.verdict is catalog.Verdict.TEST_FAILED
    assert entry.good is not None
    assert "'mine'" in entry.diagnostics[0].message
    assert told in entry.diagnostics[0].message
    assert entry.diagnostics[0].place.file.startswith("falconrule/team/shell: spec.tests[0].event")


# ------------------------------------------------------------------------------------------ before it is stored


def test_checking_keeps_nothing() -> None:
    rules = compiled(rule())
    outcomes, further = rules.check(rule(generation=2, **BROKEN))
    assert [outcome.verdict for outcome in outcomes] == [compiling.Verdict.COMPILE_ERROR]
    assert list(further) == []
    assert only(rules, rule()).generation == 1
    assert rules.compile() == catalog.Changes()


def test_checking_a_set_tells_about_its_rules_and_its_text() -> None:
    rules = compiled(rule_set(rules=text(FALCO_RULE)))
    outcomes, _ = rules.check(
        rule_set(generation=2, rules=text(FALCO_RULE, {**FALCO_RULE, "rule": "Bad", "output": "%nope"}))
    )
    assert [outcome.verdict for outcome in outcomes] == [compiling.Verdict.GOOD, compiling.Verdict.COMPILE_ERROR]
    outcomes, further = rules.check(rule_set(generation=2, rules="- ["))
    assert list(outcomes) == []
    assert further[0].code is Code.ERR_YAML_PARSE


def test_checking_a_set_tells_which_rules_of_others_it_breaks() -> None:
    words = rule_set(macros=[{"macro": "shared", "condition": "proc.name = x"}])
    user, other = rule("user", condition="evt.type = execve and shared"), rule("other")
    rules = compiled(words, user, other, rule_set("file", rules=text({**FALCO_RULE, "condition": "shared"})))
    broken = rules.breaks(rule_set(generation=2))
    assert [(entry.uid, outcome.verdict) for entry, outcome in broken] == [
        ("set:file/Shell in file", catalog.Verdict.COMPILE_ERROR),
        ("team/user", catalog.Verdict.COMPILE_ERROR),
    ]
    assert rules.breaks(rule_set(generation=2, macros=[{"macro": "shared", "condition": "proc.name = y"}])) == []
    assert rules.breaks(rule("user", generation=2, **BROKEN)) == ()


def test_what_is_put_while_another_thread_compiles_is_not_lost() -> None:
    rules = catalog.Catalog()
    done = threading.Event()

    def compile_on() -> None:
        while not done.is_set():
            rules.compile()

    thread = threading.Thread(target=compile_on)
    thread.start()
    try:
        for number in range(60):
            rules.put(rule(f"r{number}"))
            rules.check(rule(f"r{number}", generation=2))
            if number % 3 == 0:
                rules.remove(rule(f"r{number}").ref)
    finally:
        done.set()
        thread.join()
    rules.compile()
    assert {entry.owner.name for entry in rules.entries()} == {f"r{number}" for number in range(60) if number % 3}


# ------------------------------------------------------------------------------------------ many and large


def test_five_hundred_rules_and_one_change() -> None:
    names = [f"rule-{number}" for number in range(500)]
    rules = compiled(*(rule(name, condition=f"evt.type = execve and proc.name = p{i}") for i, name in enumerate(names)))
    assert sum(entry.in_force is not None for entry in rules.entries()) == 500
    rules.put(rule("rule-7", generation=2, **BROKEN))
    assert rules.compile().uids == {"team/rule-7"}
    assert sum(entry.in_force is not None for entry in rules.entries()) == 500


def test_a_rule_set_of_nine_hundred_kilobytes() -> None:
    items = ", ".join(f"name{number:06}" for number in range(60_000))
    words = rule_set(
        rules=f"- list: many\n  items: [{items}]\n"
        + text({**FALCO_RULE, "condition": "evt.type = execve and proc.name in (many)"})
    )
    assert len(words.spec["rules"]) > 700_000
    good = only(compiled(words), words).good
    assert good is not None
    assert good.event_types == ("execve",)

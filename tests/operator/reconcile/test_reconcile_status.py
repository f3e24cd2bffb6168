"""What statuses say at each step of a rule's way, and when they are worth writing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml
from tests.operator.support.manifests import cluster_rule, compiled, rule, rule_set

from falcon_operator.reconcile import bundles, catalog, node_status, packages, progress, reports, resources, status
from falcon_rules.model import statuses

NOW = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(hours=1)
NODES = tuple(resources.Node(f"n{number}") for number in (1, 2, 3))
GOOD = {"rule": "A", "desc": "d", "condition": "evt.type = open", "output": "x", "priority": "INFO"}
UNREACHABLE = reports.Trouble(reports.Failure.UNREACHABLE, "no route", 3)


def plan(rules: catalog.Catalog, nodes: Sequence[resources.Node] = NODES) -> dict[str, packages.Content]:
    return bundles.plan(rules.entries(), nodes)


def state(node: str, content: packages.Content | None, **changes: Any) -> reports.NodeReport:
    """A sensor that has the content in force, and should have it."""
    if content is None:
        return reports.NodeReport(node, **{"wanted": "sha256:w", **changes})
    report = reports.Report(content.digest(1), 1, changes.pop("rule_errors", ()), "tracepoints", "6.1", "0.1", drops=0)
    values = {"wanted": report.digest, "report": report, "rule_hashes": content.rule_hashes, "last_contact": 0.0}
    return reports.NodeReport(node, **{**values, **changes})


def status_of(
    rules: catalog.Catalog,
    given: resources.Resource,
    planned: Mapping[str, packages.Content] | None = None,
    states: Sequence[reports.NodeReport] = (),
    old: Mapping[str, Any] | None = None,
    now: datetime.datetime = NOW,
) -> dict[str, Any]:
    planned = plan(rules) if planned is None else planned
    return status.of(given.ref, rules, progress.Fleet(planned, {each.node: each for each in states}), old or {}, now)


def conditions(found: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}


def test_a_rule_that_is_loaded_everywhere_is_ready() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    found = status_of(rules, rule(), planned, [state(node, planned[node]) for node in planned])
    assert conditions(found) == {
        "Accepted": ("True", "Accepted"),
        "Compiled": ("True", "Compiled"),
        "Distributed": ("True", "Loaded"),
        "Ready": ("True", "Ready"),
    }
    assert found["nodes"] == {"desired": 3, "loaded": 3, "failed": 0}
    assert found["compiled"]["eventTypes"] == ["execve"]
    assert found["compiled"]["inKernel"] is True
    assert found["compiled"]["hash"].startswith("sha256:")
    assert (found["observedGeneration"], found["failedNodes"], found["diagnostics"]) == (1, [], [])


def test_a_status_shows_what_the_kernel_decides_of_the_rule() -> None:
    condition = "evt.type = openat and fd.name = /etc/shadow and proc.cmdline contains x"
    found = status_of(compiled(rule(condition=condition)), rule())["compiled"]
    assert found["inKernel"] is True
    assert "fd.name = /etc/shadow" in found["decidedInKernel"]
    assert found["leftToUserSpace"] == ["proc.cmdline contains x"]
    assert found["everyEventToUserSpace"] == []


def test_a_status_shows_which_events_a_rule_sends_to_user_space_one_and_all() -> None:
    condition = "evt.type in (openat, connect) and (evt.type = connect or proc.cmdline contains x)"
    found = status_of(compiled(cluster_rule(condition=condition)), cluster_rule())["compiled"]
    assert found["inKernel"] is False
    assert found["everyEventToUserSpace"] == ["connect", "openat"]


def test_a_long_condition_is_cut_to_what_a_status_has_room_for() -> None:
    names = ", ".join(f"/etc/{number}" for number in range(100))
    many = " or ".join(f"fd.name = /x/{number}" for number in range(30))
    condition = f"evt.type = openat and (fd.name in ({names}) or {many})"
    found = status_of(compiled(rule(condition=condition)), rule())["compiled"]["decidedInKernel"]
    assert len(found) == 16
    assert max(map(len, found)) == 200


def test_without_a_sensor_s_package_the_status_says_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("falcon_operator.reconcile.inkernel._sensor", lambda: None)
    found = status_of(compiled(rule()), rule())["compiled"]
    assert (found["inKernel"], found["decidedInKernel"], found["everyEventToUserSpace"]) == (True, [], [])


def test_a_rule_on_its_way_is_pending() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    found = status_of(rules, rule(), planned, [state("n1", planned["n1"]), state("n2", None)])
    assert conditions(found)["Distributed"] == ("False", "Pending")
    assert conditions(found)["Ready"] == ("False", "Pending")
    assert found["nodes"] == {"desired": 3, "loaded": 1, "failed": 0}


def test_a_sensor_that_cannot_be_reached_is_a_failed_node() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    states = [state("n1", planned["n1"]), state("n2", None, trouble=UNREACHABLE), state("n3", planned["n3"])]
    found = status_of(rules, rule(), planned, states)
    assert conditions(found)["Ready"] == ("False", "NodesFailed")
    assert found["nodes"] == {"desired": 3, "loaded": 2, "failed": 1}
    assert found["failedNodes"] == [{"name": "n2", "reason": "Unreachable: no route"}]


def test_a_sensor_out_of_reach_that_has_the_rule_still_has_it() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    found = status_of(rules, rule(), planned, [state(node, planned[node], trouble=UNREACHABLE) for node in planned])
    assert found["nodes"] == {"desired": 3, "loaded": 3, "failed": 0}


def test_a_change_of_another_rule_leaves_this_one_loaded() -> None:
    rules = compiled(rule("a"), rule("b"))
    before = plan(rules)
    rules.put(rule("b", generation=2, priority="Error"))
    rules.compile()
    planned = plan(rules)
    states = [state(node, before[node], wanted="sha256:new") for node in planned]
    assert status_of(rules, rule("a"), planned, states)["nodes"]["loaded"] == 3
    assert status_of(rules, rule("b"), planned, states)["nodes"]["loaded"] == 0


def test_a_rule_that_a_sensor_could_not_take_failed_there() -> None:
    rules = compiled(rule("a"), rule("b"))
    planned = plan(rules)
    error = (reports.RuleError("team/a", "field unknown to this sensor"),)
    states = [state(node, planned[node], rule_errors=error if node == "n1" else ()) for node in planned]
    found = status_of(rules, rule("a"), planned, states)
    assert found["nodes"] == {"desired": 3, "loaded": 2, "failed": 1}
    assert found["failedNodes"][0]["reason"] == "field unknown to this sensor"
    assert status_of(rules, rule("b"), planned, states)["nodes"]["loaded"] == 3


def test_at_most_ten_failed_nodes_are_named() -> None:
    rules = compiled(rule())
    planned = plan(rules, [resources.Node(f"n{number:02}") for number in range(30)])
    found = status_of(rules, rule(), planned, [state(node, None, trouble=UNREACHABLE) for node in planned])
    assert found["nodes"]["failed"] == 30
    assert [each["name"] for each in found["failedNodes"]] == [f"n{number:02}" for number in range(10)]


def test_a_broken_rule_says_where_and_that_nothing_is_in_force() -> None:
    given = rule(condition="evt.type = execve and\n proc.nam = x")
    found = status_of(compiled(given), given)
    assert conditions(found) == {
        "Accepted": ("True", "Accepted"),
        "Compiled": ("False", "CompileError"),
        "Distributed": ("False", "NothingToLoad"),
        "Ready": ("False", "CompileError"),
    }
    (diagnostic,) = found["diagnostics"]
    assert {key: diagnostic[key] for key in ("severity", "document", "line", "column", "suggestion")} == {
        "severity": "error",
        "document": "spec.condition",
        "line": 2,
        "column": 2,
        "suggestion": "proc.name",
    }
    assert "spec.condition:2:2" in found["conditions"][1]["message"]
    assert found["compiled"] is None


def test_a_rule_that_broke_says_that_the_last_good_version_is_in_force() -> None:
    rules = compiled(rule())
    rules.put(rule(generation=2, condition="("))
    rules.compile()
    planned = plan(rules)
    found = status_of(rules, rule(), planned, [state(node, planned[node]) for node in planned])
    assert conditions(found)["Distributed"] == ("True", "Loaded")
    assert conditions(found)["Ready"] == ("False", "LastGoodInForce")
    assert found["observedGeneration"] == 2
    assert found["compiled"] is not None


def test_a_malformed_rule_is_not_accepted() -> None:
    given = rule(priority="Loud")
    found = status_of(compiled(given), given)
    assert conditions(found)["Accepted"] == ("False", "Invalid")
    assert conditions(found)["Ready"] == ("False", "Invalid")


def test_a_failing_test_is_the_reason() -> None:
    given = rule(tests=[{"name": "t", "event": {"evt.type": "open"}}])
    assert conditions(status_of(compiled(given), given))["Ready"] == ("False", "TestFailed")


def test_a_disabled_rule_says_so() -> None:
    given = rule(enabled=False)
    found = status_of(compiled(given), given)
    assert conditions(found)["Ready"] == ("False", "Disabled")
    assert found["nodes"]["desired"] == 0


def test_a_node_selector_that_matches_nothing_says_so() -> None:
    given = rule(nodeSelector={"disk": "none"})
    assert conditions(status_of(compiled(given), given))["Ready"] == ("False", "NoNodes")


def test_at_most_twenty_diagnostics_the_errors_first() -> None:
    rules = [{**GOOD, "rule": f"R{number}", "odd": "warned about"} for number in range(30)]
    given = rule_set(rules=yaml.safe_dump([*rules, {**GOOD, "rule": "Bad", "condition": "("}]))
    found = status_of(compiled(given), given)["diagnostics"]
    assert [each["severity"] for each in found] == ["error"] + 19 * ["warning"]


def test_long_and_odd_texts_fit_the_schema() -> None:
    given = rule(condition="evt.type = execve and nothing_of_" + "x" * 5000)
    found = status_of(compiled(given), given)
    assert max(len(each.get("message", "")) for each in (*found["diagnostics"], *found["conditions"])) <= 1024
    statuses.RuleStatus.model_validate(found)


def test_the_catalog_must_know_the_resource() -> None:
    with pytest.raises(KeyError):
        status_of(compiled(), rule())


# ------------------------------------------------------------------------------------------ rule sets


def test_a_set_counts_its_rules_and_needs_all_of_them() -> None:
    given = rule_set(rules=yaml.safe_dump([GOOD, {**GOOD, "rule": "B", "condition": "evt.type in (execve, creat)"}]))
    rules = compiled(given)
    planned = plan(rules)
    partly = packages.Content(planned["n1"].rules[:1], {"set:words/A": planned["n1"].rule_hashes["set:words/A"]})
    found = status_of(rules, given, planned, [state("n1", planned["n1"]), state("n2", partly)])
    assert found["compiled"]["rules"] == 2
    assert found["compiled"]["eventTypes"] == ["creat", "execve", "open"]
    assert found["nodes"] == {"desired": 3, "loaded": 1, "failed": 0}


def test_a_set_with_good_and_bad_rules_is_partly_compiled() -> None:
    given = rule_set(rules=yaml.safe_dump([GOOD, {**GOOD, "rule": "B", "condition": "("}]))
    found = status_of(compiled(given), given)
    assert conditions(found)["Compiled"] == ("False", "PartlyCompiled")
    assert found["diagnostics"][0]["document"] == "spec.rules"
    assert found["compiled"]["rules"] == 1


def test_a_set_of_words_alone_is_ready() -> None:
    given = rule_set(macros=[{"macro": "m", "condition": "proc.pid = 1"}])
    found = status_of(compiled(given), given)
    assert conditions(found)["Ready"] == ("True", "Ready")
    assert found["compiled"] is None


def test_a_set_that_is_no_yaml_is_not_accepted() -> None:
    given = rule_set(rules="- [")
    assert conditions(status_of(compiled(given), given))["Accepted"] == ("False", "Invalid")


# ------------------------------------------------------------------------------------------ writes on change only


def stored(value: dict[str, Any]) -> dict[str, Any]:
    """As an API server gives it back after a merge patch."""
    return {key: each for key, each in value.items() if each is not None}


def test_the_same_state_later_is_nothing_to_write() -> None:
    rules = compiled(rule())
    first = status_of(rules, rule())
    again = status_of(rules, rule(), old=stored(first), now=LATER)
    assert again == first
    assert not status.changed(stored(first), again)


def test_a_transition_takes_the_new_time_and_leaves_the_others() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    first = status_of(rules, rule(), planned)
    loaded = [state(node, planned[node]) for node in planned]
    second = status_of(rules, rule(), planned, loaded, old=stored(first), now=LATER)
    times = {each["type"]: each["lastTransitionTime"] for each in second["conditions"]}
    assert status.changed(stored(first), second)
    assert times == {
        "Accepted": "2030-01-02T03:04:05Z",
        "Compiled": "2030-01-02T03:04:05Z",
        "Distributed": "2030-01-02T04:04:05Z",
        "Ready": "2030-01-02T04:04:05Z",
    }


def test_counts_alone_are_a_change_but_no_transition() -> None:
    rules = compiled(rule())
    planned = plan(rules)
    first = status_of(rules, rule(), planned)
    second = status_of(rules, rule(), planned, [state("n1", planned["n1"])], old=stored(first), now=LATER)
    assert status.changed(stored(first), second)
    assert {each["lastTransitionTime"] for each in second["conditions"]} == {"2030-01-02T03:04:05Z"}


def test_what_is_gone_is_taken_away_by_a_merge_patch() -> None:
    given = rule(condition="(")
    assert status_of(compiled(given), given)["compiled"] is None


@pytest.mark.parametrize("old", [{"conditions": "nonsense"}, {"conditions": [None, {"type": 3}]}, {"nodes": []}])
def test_a_status_that_somebody_spoilt_is_written_anew(old: dict[str, Any]) -> None:
    rules = compiled(rule())
    assert status.changed(old, status_of(rules, rule(), old=old))


# ------------------------------------------------------------------------------------------ nodes


def node(found: reports.NodeReport, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    content = plan(compiled(rule()))["n1"]
    return node_status.of(found, content, old or {}, NOW)


def content() -> packages.Content:
    return plan(compiled(rule()))["n1"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (state("n1", content()), ("True", "Ready")),
        (state("n1", None), ("False", "Unknown")),
        (state("n1", content(), wanted="sha256:newer"), ("False", "Pending")),
        (state("n1", content(), trouble=UNREACHABLE), ("False", "Unreachable")),
        (state("n1", content(), rule_errors=(reports.RuleError("team/shell", "no"),)), ("False", "RulesRefused")),
    ],
)
def test_a_node_is_ready_with_the_wanted_bundle(found: reports.NodeReport, expected: tuple[str, str]) -> None:
    assert conditions(node(found)) == {"Ready": expected}


def test_a_nodes_status_tells_what_its_sensor_is() -> None:
    found = node(state("n1", content(), last_contact=NOW.timestamp()))
    assert {
        key: found[key] for key in ("backend", "kernel", "version", "rules", "revision", "lastContact", "drops")
    } == {
        "backend": "tracepoints",
        "kernel": "6.1",
        "version": "0.1",
        "rules": 1,
        "revision": 1,
        "lastContact": "2030-01-02T03:04:05Z",
        "drops": {"total": 0},
    }
    statuses.NodeStatus.model_validate(found)


@pytest.mark.parametrize(("seconds", "written"), [(30, False), (599, False), (601, True)])
def test_a_contact_alone_is_written_now_and_then(seconds: int, written: bool) -> None:
    first = node(state("n1", content(), last_contact=NOW.timestamp()))
    second = node(state("n1", content(), last_contact=NOW.timestamp() + seconds), stored(first))
    assert node_status.changed(stored(first), second) is written


def test_a_contact_of_a_node_that_was_never_written_is_written() -> None:
    assert node_status.changed({}, node(state("n1", None)))

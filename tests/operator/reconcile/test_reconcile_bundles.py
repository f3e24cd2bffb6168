"""Which rules each node should have."""

from __future__ import annotations

from tests.operator.support.manifests import cluster_rule, compiled, rule

from falcon_operator.reconcile import bundles, resources

PLAIN = resources.Node("plain")
SSD = resources.Node("ssd", {"disk": "ssd", "zone": "a"})
BOTH = resources.Node("both", {"disk": "ssd", "zone": "b"})


def planned(*given: resources.Resource, nodes: tuple[resources.Node, ...] = (PLAIN, SSD, BOTH)) -> dict[str, list[str]]:
    plan = bundles.plan(compiled(*given).entries(), nodes)
    return {node: [each.uid for each in content.rules] for node, content in plan.items()}


def test_without_node_selectors_all_nodes_share_one_content() -> None:
    plan = bundles.plan(compiled(rule("a"), rule("b")).entries(), [resources.Node(f"n{i}") for i in range(500)])
    assert len(plan) == 500
    assert len({id(content) for content in plan.values()}) == 1


def test_node_selectors_choose_nodes_by_all_of_their_labels() -> None:
    assert planned(
        rule("everywhere"),
        rule("ssd", nodeSelector={"disk": "ssd"}),
        cluster_rule("b", nodeSelector={"disk": "ssd", "zone": "b"}),
    ) == {
        "plain": ["team/everywhere"],
        "ssd": ["team/everywhere", "team/ssd"],
        "both": ["cluster/b", "team/everywhere", "team/ssd"],
    }


def test_nodes_that_differ_in_what_no_selector_asks_share_a_content() -> None:
    rules = compiled(rule("ssd", nodeSelector={"disk": "ssd"}))
    plan = bundles.plan(rules.entries(), [PLAIN, SSD, BOTH])
    assert plan["ssd"] is plan["both"]
    assert plan["ssd"] is not plan["plain"]


def test_disabled_and_never_compiled_rules_are_left_out() -> None:
    assert planned(rule("off", enabled=False), rule("bad", condition="("), rule("good"), nodes=(PLAIN,)) == {
        "plain": ["team/good"]
    }


def test_without_rules_a_node_has_an_empty_bundle() -> None:
    assert planned(nodes=(PLAIN,)) == {"plain": []}


def test_the_same_rules_are_the_same_content_in_whatever_order_they_came() -> None:
    given = [rule("a"), rule("b"), cluster_rule("c"), cluster_rule("d", priority="Alert")]
    ids = {bundles.plan(compiled(*order).entries(), [PLAIN])["plain"].id for order in (given, given[::-1])}
    assert len(ids) == 1


def test_contents_know_the_hash_of_each_rule() -> None:
    rules = compiled(rule("a"), rule("b"))
    content = bundles.plan(rules.entries(), [PLAIN])["plain"]
    assert content.rule_hashes == {entry.uid: entry.hash for entry in rules.entries()}


def test_two_rules_of_one_display_name_are_two_rules() -> None:
    names = planned(
        rule("a", rule="Same"), rule("b", rule="Same"), rule("a", namespace="x", rule="Same"), nodes=(PLAIN,)
    )
    assert names == {"plain": ["team/a", "team/b", "x/a"]}

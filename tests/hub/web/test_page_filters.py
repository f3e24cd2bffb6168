"""Filters, in the page and in its address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.hub.web.support import examples, served, windows


@pytest.fixture
def three(hub: served.Served) -> None:
    shop, payments = {"k8s.ns.name": "shop"}, {"k8s.ns.name": "payments"}
    hub.add(
        examples.one(1, 30, rule="Shell in a pod", priority="Warning", tags=["shell"], output="file=/etc/shadow",
                     output_fields=shop),
        examples.one(2, 20, rule="Odd connection", priority="Critical", tags=["network"], output="to=198.51.100.7",
                     output_fields=payments),
        examples.one(3, 10, rule="Secret read", priority="Warning", tags=["shell", "k8s"], source="k8s_audit",
                     output="by=system", output_fields=shop),
    )  # fmt: skip


@pytest.mark.usefixtures("three")
def test_newest_first(admin: windows.Window):
    admin.open()
    admin.shows("Secret read", "Odd connection", "Shell in a pod")
    expect(admin.page.locator(".counters .total strong")).to_have_text("3")


@pytest.mark.usefixtures("three")
def test_a_facet_shows_values_with_numbers_and_filters_by_them(admin: windows.Window):
    admin.open()
    admin.menu("Namespace")
    expect(admin.page.locator(".values li")).to_have_text(["shop2", "payments1"])
    admin.page.locator(".values").get_by_label("shop", exact=True).check()
    admin.shows("Secret read", "Shell in a pod")
    admin.wait_for_query(namespace="shop")
    expect(admin.page.locator(".counters .total strong")).to_have_text("2")
    # Its alternatives stay in sight.
    expect(admin.page.locator(".values li")).to_have_text(["shop2", "payments1"])


@pytest.mark.usefixtures("three")
def test_a_value_can_be_excluded_and_the_chip_turns_it_round(admin: windows.Window):
    admin.open()
    admin.menu("Namespace")
    admin.button("Exclude shop", within=".values").click()
    admin.shows("Odd connection")
    admin.wait_for_query(_namespace="shop")
    admin.press("Escape")
    admin.page.locator(".chip .flip").click()
    admin.shows("Secret read", "Shell in a pod")
    admin.button("Remove the filter Namespace is shop").click()
    admin.shows("Secret read", "Odd connection", "Shell in a pod")


@pytest.mark.usefixtures("three")
def test_an_address_is_a_view_and_the_back_button_works(admin: windows.Window):
    admin.open("/?priority=warning&q=shadow")
    admin.shows("Shell in a pod")
    expect(admin.page.get_by_role("searchbox")).to_have_value("shadow")
    admin.button("Clear all").click()
    admin.shows("Secret read", "Odd connection", "Shell in a pod")
    admin.page.go_back()
    admin.shows("Shell in a pod")
    expect(admin.page.get_by_role("searchbox")).to_have_value("shadow")
    admin.page.go_forward()
    admin.shows("Secret read", "Odd connection", "Shell in a pod")


@pytest.mark.usefixtures("three")
def test_search_by_words(admin: windows.Window):
    admin.open()
    admin.page.get_by_role("searchbox").fill("conn odd")
    admin.shows("Odd connection")
    admin.wait_for_query(q="conn odd")


@pytest.mark.parametrize(
    ("menu", "value", "rules"),
    [
        ("Rule", "Odd connection", ["Odd connection"]),
        ("Source", "k8s_audit", ["Secret read"]),
        ("Tag", "shell", ["Secret read", "Shell in a pod"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_other_facets(admin: windows.Window, menu: str, value: str, rules: list[str]):
    admin.open()
    admin.menu(menu)
    admin.page.locator(".values").get_by_label(value, exact=True).check()
    admin.shows(*rules)


@pytest.mark.usefixtures("three")
def test_a_typed_value_that_nothing_has_yet(admin: windows.Window):
    admin.open()
    admin.menu("Pod")
    admin.page.get_by_placeholder("Find pods").fill("not-there-yet")
    admin.press("Enter")
    admin.wait_for_query(pod="not-there-yet")
    expect(admin.page.get_by_text("No alert fits these filters")).to_be_visible()
    admin.button("Clear the filters").click()
    admin.shows("Secret read", "Odd connection", "Shell in a pod")


@pytest.mark.usefixtures("three")
def test_priorities_by_counter_and_by_menu(admin: windows.Window):
    admin.open()
    expect(admin.page.locator(".counter.p4 strong")).to_have_text("2")
    admin.page.locator(".counter.p4").click()
    admin.shows("Secret read", "Shell in a pod")
    # The other counters still say what there is.
    expect(admin.page.locator(".counter.p2 strong")).to_have_text("1")
    admin.menu("Priority")
    admin.page.locator(".choice", has_text="Error").get_by_role("button", name="and above").click()
    admin.shows("Odd connection")
    assert admin.query()["priority"] == ["emergency", "alert", "critical", "error"]


@pytest.mark.usefixtures("three")
def test_most_frequent_values_filter(admin: windows.Window):
    admin.open()
    top = admin.page.locator(".top-list", has_text="Top namespaces")
    expect(top.locator("li")).to_have_text(["shop2", "payments1"])
    top.get_by_title("Show only payments").click()
    admin.shows("Odd connection")
    admin.page.go_back()
    top.get_by_role("button", name="Exclude payments").click()
    admin.shows("Secret read", "Shell in a pod")


def test_time_ranges(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 30, rule="Just now"), examples.one(2, 7200, rule="Two hours ago"))
    admin.open()
    admin.shows("Just now", "Two hours ago")
    admin.menu("Time range")
    admin.button("Last hour", exact=True).click()
    admin.shows("Just now")
    admin.wait_for_query(**{"from": "-1h"})
    admin.open("/?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
    expect(admin.page.get_by_text("No alerts in this time")).to_be_visible()
    admin.button("Look at everything").click()
    admin.shows("Just now", "Two hours ago")


def test_a_drag_over_the_timeline_chooses_the_time(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 30, rule="Just now"), examples.one(2, 20 * 3600, rule="Long ago"))
    admin.open()
    admin.shows("Just now", "Long ago")
    expect(admin.page.get_by_role("img", name=re.compile("Alerts over time: "))).to_be_visible()
    box = admin.page.locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    admin.page.mouse.move(box["x"] + 2, middle)
    admin.page.mouse.down()
    admin.page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    admin.page.mouse.up()
    admin.shows("Long ago")
    assert set(admin.query()) == {"from", "to"}
    # With an end there is nothing to wait for.
    expect(admin.page.locator("button.live")).to_have_count(0)
    admin.button("Back to the last 24 hours").click()
    admin.shows("Just now", "Long ago")


def test_columns_can_be_chosen_and_are_remembered(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, rule="Shell"))
    admin.open()
    admin.shows("Shell")
    admin.button("Columns").click()
    admin.page.get_by_label("Source").check()
    expect(admin.page.locator("td.c-source")).to_have_text(["syscall"])
    admin.page.reload()
    expect(admin.page.locator("td.c-source")).to_have_text(["syscall"])


def test_all_alerts_can_be_scrolled_to_with_few_rows_in_the_document(admin: windows.Window, hub: served.Served):
    hub.add(*examples.several(450, hours=2))
    admin.open("/?from=-7d")
    expect(admin.page.locator(".counters .total strong")).to_have_text("450")
    # Further pages come as the end of the rows comes into sight.
    admin.page.wait_for_function(
        """() => {
            const box = document.querySelector('.scroller');
            box.scrollTop = box.scrollHeight;
            return document.querySelector('.below')?.textContent === 'That is all.';
        }"""
    )
    expect(admin.page.get_by_text("That is all.")).to_be_visible()
    assert admin.rows.count() < 120

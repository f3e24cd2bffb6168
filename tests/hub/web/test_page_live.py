"""The live tail."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.hub.web.support import examples, served, windows


def live(window: windows.Window) -> None:
    expect(window.page.locator("button.live.live")).to_be_visible()


def test_new_alerts_appear_by_themselves(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 60, rule="Old"))
    admin.open()
    admin.shows("Old")
    live(admin)
    hub.add(examples.one(2, 0, rule="New"))
    admin.shows("New", "Old")
    # The figures follow.
    expect(admin.page.locator(".counters .total strong")).to_have_text("2")
    expect(admin.page.locator(".top-list", has_text="Top rules").locator("li")).to_have_count(2)


def test_only_those_that_fit_the_filter(admin: windows.Window, hub: served.Served):
    admin.open("/?rule=Wanted")
    live(admin)
    hub.add(examples.one(1, 1, rule="Other"), examples.one(2, 0, rule="Wanted"))
    admin.shows("Wanted")


def test_paused_it_counts_and_shows_when_asked(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 60, rule="Old"))
    admin.open()
    admin.shows("Old")
    live(admin)
    admin.press("p")
    expect(admin.button("Paused")).to_be_visible()
    hub.add(examples.one(2, 1, rule="New"))
    hub.add(examples.one(3, 0, rule="Newer"))
    admin.button("2 new").click()
    admin.shows("Newer", "New", "Old")
    hub.add(examples.one(4, 0, rule="Newest"))
    expect(admin.button("1 new")).to_be_visible()
    admin.shows("Newer", "New", "Old")
    # Resumed, it catches up (the pointer is not over the rows).
    admin.page.mouse.move(5, 5)
    admin.press("p")
    admin.shows("Newest", "Newer", "New", "Old")


def test_rows_do_not_move_away_under_the_pointer(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 60, rule="Old"))
    admin.open()
    admin.shows("Old")
    live(admin)
    admin.rows.first.hover()
    hub.add(examples.one(2, 0, rule="New"))
    expect(admin.button("1 new")).to_be_visible()
    admin.shows("Old")
    admin.page.mouse.move(5, 5)
    admin.shows("New", "Old")


def test_what_a_sensor_had_to_keep_comes_late_and_stands_where_it_belongs(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 10, rule="Ten seconds ago"))
    admin.open()
    admin.shows("Ten seconds ago")
    live(admin)
    hub.add(examples.one(2, 3000, rule="An hour ago"))
    admin.shows("Ten seconds ago", "An hour ago")


def test_a_burst_is_shown_by_its_newest(admin: windows.Window, hub: served.Served):
    admin.open()
    live(admin)
    hub.add(*examples.several(700, hours=1))
    expect(admin.page.locator(".counters .total strong")).to_have_text("700")
    expect(admin.rows.first).to_be_visible()
    newest = admin.page.request.get(f"{hub.url}/api/v1/alerts?limit=1").json()["alerts"][0]["uuid"]
    expect(admin.rows.first).to_have_attribute("data-uuid", newest)


def test_a_tab_that_nobody_sees_catches_up(admin: windows.Window, hub: served.Served):
    admin.open()
    live(admin)
    hide = "hidden => {Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});" \
           " document.dispatchEvent(new Event('visibilitychange'))}"  # fmt: skip
    admin.page.evaluate(hide, True)
    hub.add(examples.one(1, 0, rule="Meanwhile"))
    admin.page.evaluate(hide, False)
    admin.shows("Meanwhile")

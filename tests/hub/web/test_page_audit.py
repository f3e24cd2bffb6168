"""The audit log, as administrators see it."""

from __future__ import annotations

from playwright.sync_api import Locator, expect
from tests.hub.web.support import examples, served, windows


def rows(window: windows.Window) -> Locator:
    return window.page.locator("table.audit tbody tr")


def test_who_did_what_newest_first(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    # Somebody who is no user may have written anything.
    hub.ask(lambda kept: kept.accounts.log("<b>mallory</b>", "login refused", address="198.51.100.7"))
    hub.ask(lambda kept: kept.accounts.log("command line of root", "add user", {"user": "eve", "role": "viewer"}))
    hub.ask(
        lambda kept: kept.accounts.log("ada", "acknowledge", {"alert": made.uuid, "reason": "a drill"}, "192.0.2.1")
    )
    admin.open()
    admin.page.get_by_role("link", name="Audit").click()
    expect(admin.page.get_by_role("heading", name="Audit log")).to_be_visible()
    expect(rows(admin)).to_have_count(4)
    newest = rows(admin).nth(0)
    for text in ("ada", "Acknowledged an alert", "a drill", "192.0.2.1"):
        expect(newest).to_contain_text(text)
    expect(rows(admin).nth(1)).to_contain_text("Added a user")
    expect(rows(admin).nth(1)).to_contain_text("eve")
    expect(rows(admin).nth(2)).to_contain_text("<b>mallory</b>")
    expect(rows(admin).nth(2)).to_contain_text("Was refused at the login")
    expect(rows(admin).nth(3)).to_contain_text("Logged in")
    newest.get_by_role("link").click()
    expect(admin.page.locator(".detail h2")).to_have_text("Shell")


def test_further_pages(admin: windows.Window, hub: served.Served):
    async def fill(kept):
        for number in range(119):
            await kept.accounts.log("ada", "export", {"query": f"number {number}"})

    # And the login.
    hub.ask(fill)
    admin.open("/audit")
    for count in (50, 100, 120):
        expect(rows(admin)).to_have_count(count)
        if count < 120:
            admin.button("Show more").click()
    expect(admin.page.get_by_text("That is all.")).to_be_visible()
    expect(rows(admin).last).to_contain_text("Logged in")
    numbers = [text.split()[-1] for text in rows(admin).locator("dd").all_inner_texts()]
    assert numbers[:119] == [str(number) for number in range(118, -1, -1)]


def test_it_is_for_administrators(viewer: windows.Window):
    viewer.open()
    expect(viewer.page.get_by_role("link", name="Delivery")).to_be_visible()
    expect(viewer.page.get_by_role("link", name="Audit")).to_have_count(0)
    viewer.open("/audit")
    expect(viewer.page.get_by_text("for administrators to see")).to_be_visible()

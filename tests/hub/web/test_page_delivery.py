"""Where alerts are sent, and what could not be delivered."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from tests.hub.web.support import examples, served, windows

SINK = "security-chat"


@pytest.fixture
def letters(hub: served.Served) -> None:
    """Three dead letters of one sink, and one of another."""
    hub.add(*(examples.one(number, 60 - number, rule=f"Rule {number}") for number in range(1, 4)))
    hub.ask(lambda kept: kept.dead_letters.add(SINK, [1, 2], "404 channel_not_found", 1))
    hub.ask(lambda kept: kept.dead_letters.add(SINK, [3], "<b>400</b> invalid_blocks", 7))
    hub.ask(lambda kept: kept.dead_letters.add("mail", [1], "no such mailbox", 1))
    hub.sinks.append(examples.sink(dead=3))


def rows(window: windows.Window) -> Locator:
    return window.page.get_by_role("region", name=f"List of the dead letters of {SINK}").locator("tbody tr")


def answered(window: windows.Window, action: str) -> Any:
    """What is done meanwhile has this answered: by then it is in the audit log."""
    return window.page.expect_response(f"**/dead-letters/{action}")


def left(hub: served.Served) -> dict[str, list[str]]:
    """Sink to the rules of its dead letters."""
    found: dict[str, list[str]] = {}
    for each in hub.ask(lambda kept: kept.dead_letters.list()):
        found.setdefault(each.sink, []).append(each.alert.rule)
    return found


def test_states_of_sinks(admin: windows.Window, hub: served.Served):
    hub.sinks.append(examples.sink(state="retrying", last_error="503 try later", waiting=1234))
    admin.open("/sinks")
    row = admin.page.locator("table.plain tbody tr")
    expect(row).to_contain_text("Retrying")
    expect(row).to_contain_text("503 try later")
    expect(row).to_contain_text("1,234")
    expect(row.get_by_role("link")).to_have_count(0)


@pytest.mark.usefixtures("letters")
def test_each_dead_letter_with_its_alert_and_the_receivers_answer(admin: windows.Window, hub: served.Served):
    admin.open("/sinks")
    admin.page.get_by_role("link", name=f"3 dead letters of {SINK}").click()
    expect(rows(admin)).to_have_count(3)
    expect(rows(admin).nth(0)).to_contain_text("Rule 1")
    expect(rows(admin).nth(0)).to_contain_text("404 channel_not_found")
    expect(rows(admin).nth(0)).to_contain_text("1 attempt")
    # What a receiver says stays text.
    expect(rows(admin).nth(2)).to_contain_text("<b>400</b> invalid_blocks")
    expect(rows(admin).nth(2)).to_contain_text("7 attempts")
    assert admin.query() == {"dead": [SINK]}
    admin.page.get_by_role("link", name="Rule 2").click()
    expect(admin.page.locator(".detail h2")).to_have_text("Rule 2")
    admin.page.go_back()
    admin.page.get_by_role("link", name="Close").click()
    expect(rows(admin)).to_have_count(0)


@pytest.mark.usefixtures("letters")
def test_one_is_sent_again_or_all_are(admin: windows.Window, hub: served.Served):
    admin.open(f"/sinks?dead={SINK}")
    with answered(admin, "retry"):
        admin.button("Send Rule 2 again").click()
    expect(rows(admin).nth(1)).to_contain_text("will be sent again")
    expect(admin.button("Send Rule 2 again")).to_be_disabled()
    assert [each.seq for each in hub.ask(lambda kept: kept.dead_letters.due(SINK, 10))] == [2]
    with answered(admin, "retry"):
        admin.button("Send all again").click()
    expect(rows(admin).get_by_text("will be sent again")).to_have_count(3)
    assert [each.seq for each in hub.ask(lambda kept: kept.dead_letters.due(SINK, 10))] == [1, 2, 3]
    assert hub.ask(lambda kept: kept.dead_letters.due("mail", 10)) == []
    found = [(each.action, each.detail["letters"]) for each in hub.audit() if "letters" in each.detail]
    assert found == [("retry dead letters", 3), ("retry dead letters", 1)]


@pytest.mark.usefixtures("letters")
def test_one_is_dropped_or_all_are_after_a_question(admin: windows.Window, hub: served.Served):
    admin.open(f"/sinks?dead={SINK}")
    dialog = admin.page.get_by_role("dialog")
    admin.button("Drop Rule 1").click()
    expect(dialog).to_contain_text("Rule 1")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert left(hub)[SINK] == ["Rule 1", "Rule 2", "Rule 3"]
    admin.button("Drop Rule 1").click()
    with answered(admin, "drop"):
        dialog.get_by_role("button", name="Drop", exact=True).click()
    expect(rows(admin)).to_have_count(2)
    assert left(hub)[SINK] == ["Rule 2", "Rule 3"]
    admin.button("Drop all").click()
    expect(dialog).to_contain_text(f"None of these alerts will be sent to {SINK} any more")
    with answered(admin, "drop"):
        dialog.get_by_role("button", name="Drop", exact=True).click()
    expect(admin.page.get_by_text("No dead letters")).to_be_visible()
    assert left(hub) == {"mail": ["Rule 1"]}
    # The alerts are still there, and the log says who did it.
    alert = hub.ask(lambda kept: kept.after(0, 1))[0].alert
    found = [(each.who, each.detail) for each in hub.audit() if each.action == "drop dead letters"]
    assert found == [
        ("ada", {"sink": SINK, "letters": 2}),
        ("ada", {"sink": SINK, "letters": 1, "alerts": [alert.uuid]}),
    ]


@pytest.mark.usefixtures("letters")
def test_the_keyboard_is_enough_for_dead_letters(admin: windows.Window, hub: served.Served):
    admin.open(f"/sinks?dead={SINK}")
    admin.button("Drop Rule 3").focus()
    admin.press("Enter")
    expect(admin.page.get_by_role("dialog").get_by_role("button", name="Drop", exact=True)).to_be_focused()
    admin.press("Escape")
    expect(admin.button("Drop Rule 3")).to_be_focused()
    admin.press("Enter")
    expect(admin.page.get_by_role("dialog").get_by_role("button", name="Drop", exact=True)).to_be_focused()
    admin.press("Enter")
    expect(rows(admin)).to_have_count(2)
    # Its button is gone; the next key goes on where it was.
    expect(admin.page.locator("section.letters")).to_be_focused()


def test_more_than_a_page_of_dead_letters(admin: windows.Window, hub: served.Served):
    hub.add(*(examples.one(number, 200 - number, rule=f"Rule {number}") for number in range(120)))
    hub.ask(lambda kept: kept.dead_letters.add(SINK, range(1, 121), "no", 1))
    admin.open(f"/sinks?dead={SINK}")
    more = admin.button("Show more")
    for count in (50, 100, 120):
        expect(rows(admin)).to_have_count(count)
        if count < 120:
            more.click()
    expect(more).to_have_count(0)

"""What others say of alerts shows by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.hub.web.support import examples, served, windows

from falcon_hub import alerts

Change = Callable[..., Any]


@pytest.fixture
def change(browser: Browser, hub: served.Served) -> Iterator[Change]:
    """Changes something as ada, elsewhere: `change("POST", "alerts/...", {...})`."""
    with windows.opened(browser, hub.url) as other:
        other.log_in(*served.ADMIN)
        request = other.page.request
        headers = {"X-CSRF-Token": request.get(f"{hub.url}/api/v1/me").json()["csrf"]}

        def run(method: str, path: str, body: Any = None) -> None:
            answer = request.fetch(f"{hub.url}/api/v1/{path}", method=method, headers=headers, data=body)
            assert answer.ok, answer.text()

        yield run


@pytest.fixture
def alert(hub: served.Served) -> alerts.Alert:
    made = examples.one(1, 30, rule="Shell", output_fields={"k8s.ns.name": "shop"})
    hub.add(made, examples.one(2, 20, rule="Other"))
    return made


def test_an_acknowledgement_by_somebody_else(viewer: windows.Window, alert: alerts.Alert, change: Change):
    viewer.open(f"/?alert={alert.uuid}")
    viewer.shows("Other", "Shell")
    expect(viewer.page.locator(".detail .output")).to_be_visible()
    change("POST", f"alerts/{alert.uuid}/acknowledge", {"reason": "a drill"})
    state = viewer.page.locator(".detail .state")
    expect(state).to_contain_text("Acknowledged by ada")
    expect(state).to_contain_text("a drill")
    expect(viewer.page.locator("tr.acknowledged td.c-rule")).to_have_text(["Shell"])
    # The figures follow.
    expect(viewer.page.locator(".counter", has_text="open").locator("strong")).to_have_text("1")
    change("DELETE", f"alerts/{alert.uuid}/acknowledge")
    expect(state).to_have_count(0)
    expect(viewer.page.locator("tr.acknowledged")).to_have_count(0)


def test_also_while_the_live_view_is_paused_and_for_rows_that_wait(
    viewer: windows.Window, hub: served.Served, alert: alerts.Alert, change: Change
):
    viewer.open()
    viewer.shows("Other", "Shell")
    expect(viewer.page.locator("button.live.live")).to_be_visible()
    viewer.press("p")
    late = examples.one(3, 0, rule="Late")
    hub.add(late)
    expect(viewer.button("1 new")).to_be_visible()
    for each in (alert, late):
        change("POST", f"alerts/{each.uuid}/acknowledge", {"reason": "a drill"})
    expect(viewer.page.locator("tr.acknowledged td.c-rule")).to_have_text(["Shell"])
    # Told after the other one, so what waits knows of it as soon as that does.
    expect(viewer.page.locator(".counter", has_text="open").locator("strong")).to_have_text("1")
    viewer.button("1 new").click()
    viewer.shows("Late", "Other", "Shell")
    expect(viewer.page.locator("tr.acknowledged td.c-rule")).to_have_text(["Late", "Shell"])


def test_a_silence_by_somebody_else(viewer: windows.Window, alert: alerts.Alert, change: Change):
    viewer.open(f"/?alert={alert.uuid}")
    expect(viewer.page.locator(".detail .output")).to_be_visible()
    expect(viewer.page.locator("button.live.live")).to_be_visible()
    body = {"matchers": {"namespace": ["shop"]}, "reason": "a deploy", "expires": "2200-01-01T00:00:00Z"}
    change("POST", "silences", body)
    state = viewer.page.locator(".detail .state")
    expect(state).to_contain_text("silenced by ada")
    expect(state).to_contain_text("a deploy")
    change("DELETE", "silences/1")
    expect(state).to_have_count(0)
    viewer.page.get_by_role("link", name="Silences").click()
    expect(viewer.page.get_by_text("Nothing is silenced")).to_be_visible()
    change("POST", "silences", body)
    expect(viewer.page.locator("table.plain tbody tr")).to_contain_text("a deploy")

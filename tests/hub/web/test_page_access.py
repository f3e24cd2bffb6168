"""Who sees what: login, roles, the end of a session."""

from __future__ import annotations

from playwright.sync_api import Locator, expect
from tests.hub.web.support import examples, served, windows


def fill(window: windows.Window, name: str, password: str) -> None:
    window.page.get_by_label("User").fill(name)
    window.page.get_by_label("Password").fill(password)
    window.button("Log in", exact=True).click()


def test_login_leads_to_where_one_wanted_to_be_and_logout_out(window: windows.Window, hub: served.Served):
    hub.add(examples.one(1, rule="Shell"), examples.one(2, rule="Other"))
    window.open("/?rule=Shell")
    expect(window.page.get_by_label("User")).to_be_focused()
    fill(window, *served.ADMIN)
    window.shows("Shell")
    window.button("ada").click()
    window.button("Log out", exact=True).click()
    expect(window.page.get_by_label("User")).to_be_visible()
    window.page.reload()
    expect(window.page.get_by_label("User")).to_be_visible()
    assert window.page.request.get(f"{hub.url}/api/v1/alerts").status == 401
    actions = [each.action for each in hub.audit()]
    assert actions[:2] == ["logout", "login"]


def test_a_wrong_password_says_no_more_than_that(window: windows.Window, hub: served.Served):
    window.expected.append("401")
    window.open()
    for name in (served.ADMIN[0], "nobody"):
        fill(window, name, "wrong password")
        expect(window.page.get_by_role("alert")).to_have_text("name or password is wrong")
    # What was typed is still there, to be mended.
    expect(window.page.get_by_label("User")).to_have_value("nobody")


def test_the_cookie_is_for_the_server_alone(admin: windows.Window):
    admin.open()
    (cookie,) = admin.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert admin.page.evaluate("document.cookie") == ""


def test_a_viewer_sees_no_action_of_an_admin(viewer: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    viewer.open(f"/?alert={made.uuid}")
    expect(viewer.page.locator(".detail .output")).to_be_visible()
    actions = viewer.page.locator(".detail > .actions button")
    assert [each.inner_text().strip() for each in named(actions)] == ["Exception…"]
    viewer.press("a", "s")
    expect(viewer.page.get_by_role("dialog")).to_have_count(0)
    viewer.page.get_by_role("link", name="Silences").click()
    expect(viewer.page.get_by_text("An administrator can silence")).to_be_visible()
    hub.sinks.append(examples.sink(dead=3))
    viewer.page.get_by_role("link", name="Delivery").click()
    row = viewer.page.locator("table.plain tbody tr")
    expect(row).to_contain_text("security-chat")
    expect(row.get_by_role("link")).to_have_count(0)
    expect(row.get_by_role("button")).to_have_count(0)
    # By hand neither.
    viewer.open("/sinks?dead=security-chat")
    expect(viewer.page.locator("table.plain tbody tr")).to_contain_text("security-chat")
    expect(viewer.page.get_by_role("heading", name="Dead letters")).to_have_count(0)


def test_a_session_that_ended_leads_to_the_login(admin: windows.Window, hub: served.Served):
    admin.expected.append("401")
    admin.open()
    expect(admin.page.get_by_text("No alerts in this time")).to_be_visible()
    # Somebody changed the user, which ends the sessions.
    user = hub.ask(lambda kept: kept.accounts.user(served.ADMIN[0]))
    assert user is not None
    hub.ask(lambda kept: kept.accounts.put_user(user))
    # If something else was asked for meanwhile, the page knows already, and the button is gone.
    admin.page.evaluate("document.querySelector('.notice .actions button')?.click()")
    expect(admin.page.get_by_label("User")).to_be_visible()


def named(buttons: Locator) -> list[Locator]:
    return [each for each in buttons.all() if each.inner_text().strip()]

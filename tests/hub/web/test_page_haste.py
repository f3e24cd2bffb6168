"""Whoever is quicker than the page: what is done in the very moment in which something can be seen counts."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.hub.web.support import examples, served, windows

AT_ONCE = """selector => {
  // Called after each change of the document, before the browser draws it.
  new MutationObserver((_, observer) => {
    if (!document.querySelector(selector)) return;
    observer.disconnect();
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: KEY, bubbles: true, cancelable: true}));
  }).observe(document, {childList: true, subtree: true});
}"""


def at_once(window: windows.Window, selector: str, key: str) -> None:
    """Presses a key as soon as there is such an element; on the page that is open, and on those that are opened."""
    script = AT_ONCE.replace("KEY", repr(key))
    window.page.add_init_script(f"({script})({selector!r})")


def test_a_key_pressed_with_the_rows_just_there(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 60, rule="Older"), examples.one(2, 30, rule="Newer"))
    at_once(admin, "tr[data-uuid]", "j")
    admin.open()
    expect(admin.page.locator("tr[aria-selected=true] td.c-rule")).to_have_text("Newer")


def test_the_help_asked_for_with_the_frame_just_there(admin: windows.Window):
    at_once(admin, "header.top", "?")
    admin.open()
    expect(admin.page.get_by_role("dialog", name="How this page works")).to_be_visible()


def test_the_focus_stays_where_somebody_has_put_it(admin: windows.Window, hub: served.Served):
    hub.add(*(examples.one(number, 60 - number, rule=f"Rule {number}") for number in range(3)))
    admin.open()
    admin.shows("Rule 2", "Rule 1", "Rule 0")
    # Two keys before the page is drawn again, and twice the time to draw it.
    focused = admin.page.evaluate(
        """async () => {
            for (const key of ['j', '/']) {
                document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
            }
            for (let each = 0; each < 2; each++) {
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            }
            return document.activeElement.type;
        }"""
    )
    assert focused == "search"
    expect(admin.page.locator("tr[aria-selected=true] td.c-rule")).to_have_text("Rule 2")


def test_what_is_typed_while_the_search_is_under_way_stays(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, rule="Odd zebra"), examples.one(2, rule="Odd yak"))
    admin.open()
    box = admin.page.get_by_role("searchbox")
    box.focus()
    admin.page.keyboard.type("odd ")
    admin.wait_for_query(q="odd")
    admin.page.keyboard.type("ya")
    expect(box).to_have_value("odd ya")
    admin.wait_for_query(q="odd ya")
    admin.shows("Odd yak")


def test_a_search_begun_takes_no_other_filter_back(admin: windows.Window, hub: served.Served):
    hub.add(examples.one(1, 10, rule="Odd connection"), examples.one(2, 20, rule="Shell"))
    admin.open()
    expect(admin.page.locator(".counter.p7")).to_be_visible()
    box = admin.page.get_by_role("searchbox")
    # The filter changes after the text and before the search begins by itself.
    admin.page.evaluate(
        """() => {
            const box = document.querySelector('input[type=search]');
            box.value = 'nothing';
            box.dispatchEvent(new Event('input', {bubbles: true}));
            document.querySelector('.counter.p7').click();
        }"""
    )
    admin.wait_for_query(priority="debug", q="nothing")
    expect(box).to_have_value("nothing")


def test_a_menu_closes_by_escape_wherever_the_focus_is(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    admin.open(f"/?alert={made.uuid}")
    expect(admin.page.locator(".detail .output")).to_be_visible()
    admin.menu("Export")
    text = admin.page.get_by_text("Every alert that fits the filter")
    text.click()
    admin.press("Escape")
    expect(text).to_have_count(0)
    # The alert beside it stays.
    expect(admin.page.locator(".detail .output")).to_be_visible()


def test_a_dialog_gives_the_focus_back_and_takes_it_from_nobody(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    admin.open(f"/?alert={made.uuid}")
    button = admin.button("Silence", within=".detail")
    button.click()
    expect(admin.page.get_by_label("Reason")).to_be_focused()
    admin.button("Cancel").click()
    expect(button).to_be_focused()
    # The search is begun between the closing of the dialog and the page's learning of it.
    button.click()
    expect(admin.page.get_by_label("Reason")).to_be_focused()
    focused = admin.page.evaluate(
        """async () => {
            document.querySelector('dialog').close();
            document.querySelector('input[type=search]').focus();
            for (let each = 0; each < 2; each++) {
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            }
            return document.activeElement.type;
        }"""
    )
    assert focused == "search"
    expect(admin.page.get_by_role("dialog")).to_have_count(0)

"""When there is nothing, when something is wrong, on small screens, in the dark, and without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.hub.web.support import examples, served, windows


def test_an_empty_hub_says_what_to_do(admin: windows.Window):
    admin.open("/?from=")
    expect(admin.page.get_by_text("No alerts yet")).to_be_visible()
    expect(admin.page.get_by_text("/api/v1/alerts")).to_be_visible()
    admin.page.get_by_role("link", name="Delivery").click()
    expect(admin.page.get_by_text("Alerts are sent nowhere")).to_be_visible()
    admin.page.get_by_role("link", name="Silences").click()
    expect(admin.page.get_by_text("Nothing is silenced")).to_be_visible()


def test_an_error_is_told_and_can_be_tried_again(admin: windows.Window, hub: served.Served):
    admin.expected += ["503", "400", "404"]
    hub.add(examples.one(1, rule="Shell"))
    failing = True

    def answer(route):
        if failing:
            route.fulfill(status=503, json={"error": "The store cannot be asked now: disk full"})
        else:
            route.continue_()

    admin.page.route(re.compile("/api/v1/alerts[?]"), answer)
    admin.open()
    expect(admin.page.get_by_role("alert")).to_contain_text("disk full")
    failing = False
    admin.button("Try again").click()
    admin.shows("Shell")
    # A bad address is told as well, in the hub's own words.
    admin.open("/?from=yesterday")
    expect(admin.page.get_by_role("alert").first).to_contain_text("from must be RFC 3339")
    admin.open("/?alert=00000000-0000-4000-8000-000000000000")
    expect(admin.page.locator(".detail").get_by_role("alert")).to_contain_text("There is no such alert")


def test_the_keyboard_is_enough(admin: windows.Window, hub: served.Served):
    hub.add(*(examples.one(number, 60 - number, rule=f"Rule {number}") for number in range(5)))
    admin.open()
    admin.shows(*(f"Rule {number}" for number in range(4, -1, -1)))
    selected = admin.page.locator("tr[aria-selected=true] td.c-rule")
    admin.press("j")
    expect(selected).to_have_text("Rule 4")
    admin.press("j", "ArrowDown", "k")
    expect(selected).to_have_text("Rule 3")
    admin.press("Enter")
    expect(admin.page.get_by_role("heading", name="Rule 3")).to_be_visible()
    admin.press("j")
    expect(admin.page.get_by_role("heading", name="Rule 2")).to_be_visible()
    admin.press("a")
    expect(admin.page.get_by_label("Reason")).to_be_focused()
    # Keys belong to what is being typed into.
    admin.page.keyboard.type("jk?")
    expect(admin.page.get_by_label("Reason")).to_have_value("jk?")
    admin.press("Escape")
    expect(admin.page.get_by_role("dialog")).to_have_count(0)
    expect(admin.page.get_by_role("heading", name="Rule 2")).to_be_visible()
    admin.press("Escape")
    expect(admin.page.locator(".detail")).to_have_count(0)
    admin.press("f")
    admin.shows("Rule 2")
    admin.press("/")
    expect(admin.page.get_by_role("searchbox")).to_be_focused()
    admin.press("Escape", "?")
    expect(admin.page.get_by_role("dialog", name="How this page works")).to_be_visible()
    admin.press("Escape")
    expect(admin.page.get_by_role("dialog")).to_have_count(0)


def test_every_control_has_a_name_and_shows_the_focus(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    admin.open(f"/?alert={made.uuid}&namespace=x&-rule=y")
    expect(admin.page.locator(".detail .output")).to_be_visible()
    nameless = admin.page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, [role=img]')]
            .filter(each => !(each.getAttribute('aria-label') || each.textContent.trim() || each.labels?.length))
            .map(each => each.outerHTML)"""
    )
    assert nameless == []
    outlines = set()
    for _ in range(12):
        admin.press("Tab")
        outlines.add(admin.page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert outlines == {"solid"}


CONTRAST = """() => {
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(each => each / 255)
    .map(each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const found = parse(getComputedStyle(each).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({opacityProperty: true})) continue;
    const [one, two] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < 4.5) bad.push(`${walker.currentNode.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


def test_text_is_readable_in_light_and_dark_and_the_choice_is_kept(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Shell")
    hub.add(made, examples.one(2))
    hub.ask(lambda kept: kept.acknowledgements.set(made.uuid, who="ada", reason="known"))
    admin.open(f"/?alert={made.uuid}&-namespace=y&-rule=x")
    expect(admin.page.locator(".detail .output")).to_be_visible()
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for theme in ("Light", "Dark"):
        admin.button("ada: appearance").click()
        admin.page.get_by_text(theme, exact=True).click()
        admin.press("Escape")
        seen.append(admin.page.evaluate(ground))
        assert admin.page.evaluate(CONTRAST) == [], theme
    admin.page.reload()
    expect(admin.page.locator(".detail .output")).to_be_visible()
    assert admin.page.evaluate(ground) == seen[1] != seen[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_other_pages_and_dialogs_are_readable_too(browser: Browser, hub: served.Served, scheme: str):
    made = examples.one(1, rule="Shell")
    hub.add(made)
    hub.ask(lambda kept: kept.dead_letters.add("security-chat", [1], "HTTP 400: no", 1))
    hub.sinks.append(examples.sink(dead=1, last_error="HTTP 400: no", state="retrying"))
    with windows.opened(browser, hub.url, color_scheme=scheme) as window:
        window.log_in(*served.ADMIN)
        window.open("/sinks?dead=security-chat")
        window.button("Drop Shell").click()
        expect(window.page.get_by_role("dialog")).to_be_visible()
        assert window.page.evaluate(CONTRAST) == []
        window.open("/audit")
        expect(window.page.locator("table.audit dd").first).to_be_visible()
        assert window.page.evaluate(CONTRAST) == []
        window.open(f"/?alert={made.uuid}")
        window.button("Exception", within=".detail").click()
        expect(window.page.get_by_role("tab")).to_have_count(2)
        assert window.page.evaluate(CONTRAST) == []


def test_dark_as_the_system_says(browser: Browser, hub: served.Served):
    grounds = []
    for scheme in ("light", "dark"):
        with windows.opened(browser, hub.url, color_scheme=scheme) as window:
            window.open()
            expect(window.page.get_by_label("User")).to_be_visible()
            grounds.append(window.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_a_telephone_shows_everything_without_scrolling_sideways(browser: Browser, hub: served.Served):
    made = examples.one(1, rule="Shell", output_fields={"k8s.ns.name": "shop", "k8s.pod.name": "web-1"})
    hub.add(made)
    with windows.opened(browser, hub.url, viewport={"width": 390, "height": 800}) as window:
        window.log_in(*served.ADMIN)
        window.open()
        window.shows("Shell")
        expect(window.rows.first.locator("td.c-where")).to_have_text("shop/web-1")
        sideways = "document.documentElement.scrollWidth > innerWidth"
        assert not window.page.evaluate(sideways)
        window.menu("Rule")
        expect(window.page.locator(".values")).to_be_in_viewport()
        window.press("Escape")
        window.rows.first.click()
        expect(window.page.locator(".detail .output")).to_be_in_viewport()
        assert not window.page.evaluate(sideways)
        window.button("Close the alert").click()
        for page in ("Silences", "Delivery", "Audit"):
            window.page.get_by_role("link", name=page).click()
            expect(window.page.get_by_role("heading", name=page)).to_be_visible()
            assert not window.page.evaluate(sideways)
        hub.ask(lambda kept: kept.dead_letters.add("chat", [1], "HTTP 400: " + "channel_not_found" * 5, 1))
        window.open("/sinks?dead=chat")
        expect(window.button("Drop Shell")).to_be_visible()
        assert not window.page.evaluate(sideways)


def test_export_of_what_is_shown(admin: windows.Window, hub: served.Served, tmp_path):
    hub.add(examples.one(1, rule="Wanted"), examples.one(2, rule="Other"))
    admin.open("/?rule=Wanted")
    admin.shows("Wanted")
    for kind in ("JSON", "CSV"):
        admin.menu("Export")
        with admin.page.expect_download() as started:
            admin.page.get_by_role("link", name=kind).click()
        path = tmp_path / kind
        started.value.save_as(path)
        assert re.fullmatch(rf"falcon-alerts-\d{{8}}T\d{{6}}Z\.{kind.lower()}", started.value.suggested_filename)
        text = path.read_text()
        assert "Wanted" in text
        assert "Other" not in text

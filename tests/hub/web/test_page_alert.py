"""One alert: its details, and what can be done with it."""

from __future__ import annotations

import json

import pytest
import yaml
from playwright.sync_api import expect
from tests.hub.web.support import examples, served, windows

from falcon_hub import alerts
from falcon_rules.loading import compilation
from falcon_rules.model import documents

FIELDS = {
    "container.name": "web",
    "container.image.repository": "docker.io/library/nginx",
    "k8s.ns.name": "shop",
    "k8s.pod.name": "web-1",
    "proc.name": "cat",
    "proc.exepath": "/usr/bin/cat",
    "proc.cmdline": 'cat "/etc/shadow" and',
    "evt.time": 1795511235938516232,
}


@pytest.fixture
def alert(hub: served.Served) -> alerts.Alert:
    made = examples.one(1, 30, rule="Secret read", priority="Error", tags=["shell", "k8s"], output_fields=FIELDS)
    hub.add(made, examples.one(2, 20, rule="Other", output_fields={"proc.name": "bash", "k8s.ns.name": "payments"}))
    return made


def opened(window: windows.Window, alert: alerts.Alert) -> None:
    window.open()
    window.page.locator(f"tr[data-uuid='{alert.uuid}']").click()
    expect(window.page.locator(".detail .output")).to_be_visible()


def pair(window: windows.Window, name: str):
    return window.page.locator(".pair", has=window.page.locator("dt").get_by_text(name, exact=True))


def test_every_field_is_shown_and_the_address_names_the_alert(admin: windows.Window, alert: alerts.Alert):
    opened(admin, alert)
    names = admin.page.locator(".fields dt").all_text_contents()
    assert names == sorted(alert.fields)
    # JavaScript's numbers would have rounded it.
    expect(pair(admin, "evt.time").locator(".value")).to_have_text("1795511235938516232")
    assert admin.query() == {"alert": [alert.uuid]}
    admin.page.reload()
    expect(admin.page.get_by_role("heading", name="Secret read")).to_be_visible()
    admin.press("Escape")
    expect(admin.page.locator(".detail")).to_have_count(0)
    assert admin.query() == {}


def test_times_are_local_and_in_utc_where_the_pointer_rests(admin: windows.Window, hub: served.Served):
    made = examples.one(1, rule="Noon", time="2026-01-15T12:00:00.123456789Z")
    hub.add(made)
    admin.open("/?from=")
    # The window is in Paris.
    expect(admin.rows.first.locator("time")).to_have_text("15 Jan 13:00:00")
    title = admin.rows.first.locator("time").get_attribute("title")
    assert title is not None
    assert "2026-01-15T12:00:00.123456789Z (UTC)" in title


def test_a_value_filters_or_excludes(admin: windows.Window, alert: alerts.Alert):
    opened(admin, alert)
    pair(admin, "proc.name").hover()
    admin.button("Show only proc.name cat").click()
    admin.shows("Secret read")
    admin.wait_for_query(**{"proc.name": "cat", "alert": alert.uuid})
    pair(admin, "k8s.ns.name").hover()
    admin.button("Exclude k8s.ns.name shop").click()
    # A field that has a facet of its own uses it.
    admin.wait_for_query(**{"proc.name": "cat", "_namespace": "shop", "alert": alert.uuid})
    expect(admin.page.get_by_text("No alert fits these filters")).to_be_visible()


def test_values_and_the_whole_alert_can_be_copied(admin: windows.Window, alert: alerts.Alert):
    admin.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(admin, alert)
    pair(admin, "proc.cmdline").hover()
    admin.button("Copy proc.cmdline").click()
    read = "navigator.clipboard.readText()"
    admin.page.wait_for_function(f"{read}.then(text => text.startsWith('cat'))")
    assert admin.page.evaluate(read) == FIELDS["proc.cmdline"]
    admin.button("Copy the alert as JSON").click()
    admin.page.wait_for_function(f"{read}.then(text => text.startsWith('{{'))")
    assert alerts.parse(json.loads(admin.page.evaluate(read))) == alert


def test_acknowledge_with_a_reason_and_take_it_back(admin: windows.Window, hub: served.Served, alert: alerts.Alert):
    opened(admin, alert)
    admin.button("Acknowledge", within=".detail").click()
    admin.page.get_by_label("Reason").fill("A drill, see OPS-12")
    admin.button("Acknowledge", within="dialog").click()
    state = admin.page.locator(".detail .state")
    expect(state).to_contain_text("Acknowledged by ada")
    expect(state).to_contain_text("A drill, see OPS-12")
    expect(admin.page.locator("tr.acknowledged td.c-rule")).to_have_text("Secret read")
    stored = hub.ask(lambda kept: kept.get(alert.uuid))
    assert stored is not None
    assert stored.acknowledgement is not None
    assert (stored.acknowledgement.who, stored.acknowledgement.expires_ns) == ("ada", None)
    assert "acknowledge" in [each.action for each in hub.audit()]
    # Open ones are counted, and can be looked at alone.
    admin.page.locator(".counter", has_text="open").click()
    admin.shows("Other")
    admin.button("Acknowledged", within=".detail").click()
    admin.button("Take it back").click()
    expect(state).to_have_count(0)


def test_silence_with_reason_and_expiry(admin: windows.Window, hub: served.Served, alert: alerts.Alert):
    opened(admin, alert)
    admin.press("s")
    dialog = admin.page.get_by_role("dialog")
    expect(dialog.get_by_text("Of the last 24 hours it would have silenced 1 alert.")).to_be_visible()
    dialog.get_by_label("Image").uncheck()
    dialog.get_by_label("Until").select_option("in 8 hours")
    # Without a reason there is none.
    dialog.get_by_role("button", name="Silence", exact=True).click()
    assert hub.ask(lambda kept: kept.silences.list()) == []
    dialog.get_by_label("Reason").fill("Known: nightly backup")
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(dialog).to_have_count(0)
    (silence,) = hub.ask(lambda kept: kept.silences.list())
    assert silence.matchers == {"rule": ("Secret read",), "namespace": ("shop",)}
    assert (silence.expires_ns - silence.starts_ns) / 1e9 == pytest.approx(8 * 3600, abs=60)
    hub.add(examples.one(9, 0, rule="Secret read", output_fields={"k8s.ns.name": "shop"}))
    # Rows wait while the pointer is over them.
    admin.page.mouse.move(5, 5)
    expect(admin.page.locator("tr.silenced td.c-rule")).to_have_text("Secret read")

    admin.page.get_by_role("link", name="Silences").click()
    expect(admin.page.locator("table.plain tbody tr")).to_contain_text("Known: nightly backup")
    admin.page.get_by_role("link", name="Show these alerts").click()
    admin.shows("Secret read", "Secret read")
    admin.page.go_back()
    admin.button("End now").click()
    expect(admin.page.get_by_text("Nothing is silenced")).to_be_visible()
    assert hub.ask(lambda kept: kept.silences.list()) == []
    admin.page.get_by_label("Those that are over, too").check()
    expect(admin.page.locator("tr.over")).to_contain_text("Known: nightly backup")


def test_an_exception_is_valid_and_says_what_an_intruder_could_choose(admin: windows.Window, alert: alerts.Alert):
    admin.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(admin, alert)
    admin.press("e")
    text = admin.page.get_by_label("The exception as YAML")
    expect(text).to_contain_text("docker.io/library/nginx")
    expect(admin.page.locator(".candidates label", has_text="proc.cmdline")).to_contain_text(
        "an intruder can choose it"
    )
    (entry,) = yaml.safe_load(text.inner_text())
    rule = {"rule": entry["rule"], "desc": "x", "condition": "evt.type = execve", "output": "x", "priority": "INFO"}
    result = compilation.compile(
        [documents.Document("rules", yaml.safe_dump([rule])), documents.Document("own", text.inner_text())]
    )
    assert result.errors == ()
    assert "container.image.repository" in entry["exceptions"][0]["fields"]
    # The same as what a manifest takes, and that choice stays.
    tab = admin.page.get_by_role("tab", name="Falco rules file")
    expect(tab).to_have_attribute("aria-selected", "true")
    tab.focus()
    admin.press("ArrowRight")
    other = admin.page.get_by_role("tab", name="Kubernetes manifest")
    expect(other).to_be_focused()
    expect(text).to_contain_text("spec:")
    assert yaml.safe_load(text.inner_text())["spec"]["exceptions"] == entry["exceptions"]
    admin.press("Escape")
    expect(text).to_have_count(0)
    admin.press("e")
    expect(other).to_have_attribute("aria-selected", "true")
    expect(text).to_contain_text("spec:")
    admin.button("Copy the YAML").click()
    read = "navigator.clipboard.readText()"
    admin.page.wait_for_function(f"{read}.then(text => text.startsWith('# From the alert'))")
    assert yaml.safe_load(admin.page.evaluate(read))["spec"]["exceptions"] == entry["exceptions"]
    tab.click()
    expect(text).to_contain_text("override:")
    # With nothing but what a process says of itself, anybody can have it.
    for name in ("container.image.repository", "k8s.ns.name", "proc.exepath", "proc.pname", "user.name", "fd.name"):
        box = admin.page.locator(".candidates label", has=admin.page.get_by_text(name, exact=True)).get_by_role(
            "checkbox"
        )
        if box.count():
            box.uncheck()
    expect(admin.page.locator(".warnings")).to_contain_text("Anybody can step into this exception")
    expect(text).not_to_contain_text("docker.io/library/nginx")

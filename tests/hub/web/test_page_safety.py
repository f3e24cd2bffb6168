"""Texts of attackers stay texts, and the page could do nothing else if it wanted to."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.hub.web.support import examples, served, windows

SCRIPTS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '"><svg onload=window.hacked=1>',
    "javascript:window.hacked=1",
    "{{7*7}}${7*7}<b>bold</b>",
)


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_in_any_part_of_an_alert_is_shown_as_it_is(admin: windows.Window, hub: served.Served, text: str):
    made = examples.one(
        1, rule=f"rule {text}", output=f"output {text}", hostname=f"host {text}", source=f"source {text}", tags=[text],
        output_fields={"proc.cmdline": f"cmd {text}", text: text, "k8s.pod.name": f"pod {text}", "k8s.ns.name": text,
                       "container.image.repository": text, "container.name": text},
    )  # fmt: skip
    hub.add(made)
    admin.open()
    admin.shows(f"rule {text}")
    admin.rows.first.click()
    expect(admin.page.locator(".detail .output")).to_have_text(f"output {text}")
    expect(admin.page.locator(".fields")).to_contain_text(f"cmd {text}")
    admin.press("e")
    expect(admin.page.get_by_label("The exception as YAML")).to_contain_text("alert_")
    admin.press("Escape")
    admin.button(f"Show only rule rule {text}", exact=True).click()
    expect(admin.page.locator(".chip")).to_have_text(f"Rule: rule {text}")
    assert admin.page.evaluate("window.hacked") is None
    assert admin.page.locator("b", has_text="bold").count() == 0


def test_the_policy_lets_nothing_in_but_the_pages_own_files(admin: windows.Window):
    admin.expected += ["Content Security Policy", "TrustedHTML", "Trusted Type", "'TrustedScript'"]
    admin.open()
    expect(admin.page.locator(".counters")).to_be_visible()
    # Later: what the test's driver calls itself is not held to the policy.
    run = """kind => new Promise(done => setTimeout(() => {
        try {
            if (kind === 'eval') { window.eval('window.hacked = 1') }
            if (kind === 'inline') {
                const made = document.createElement('div');
                made.setAttribute('onclick', 'window.hacked = 1');
                document.body.append(made); made.click();
            }
            if (kind === 'html') { document.body.innerHTML = '<b>x</b>'; window.hacked = 1 }
            done('ran');
        } catch (error) { done(error.name) }
    }))"""
    assert admin.page.evaluate(run, "eval") in ("EvalError", "TypeError")
    admin.page.evaluate(run, "inline")
    assert admin.page.evaluate(run, "html") == "TypeError"
    assert admin.page.evaluate("window.hacked") is None
    refused = "fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)"
    assert admin.page.evaluate(refused) == "TypeError"


def test_everything_comes_from_the_hub(admin: windows.Window, hub: served.Served):
    asked: list[str] = []
    admin.page.on("request", lambda request: asked.append(request.url))
    hub.add(examples.one(1, rule="Shell"))
    admin.open()
    admin.shows("Shell")
    assert asked
    assert [url for url in asked if not url.startswith(hub.url)] == []


def test_headers_of_page_files_and_answers(hub: served.Served, admin: windows.Window):
    for path in ("/", "/silences", "/audit", "/api/v1/me", "/static/icon.svg"):
        headers = admin.page.request.get(hub.url + path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert admin.page.request.get(f"{hub.url}/api/v1/alerts").headers["cache-control"] == "no-store"


def test_a_change_without_the_sessions_token_is_refused(admin: windows.Window, hub: served.Served):
    made = examples.one(1)
    hub.add(made)
    url = f"{hub.url}/api/v1/alerts/{made.uuid}/acknowledge"
    request = admin.page.request
    token = request.get(f"{hub.url}/api/v1/me").json()["csrf"]
    body = {"reason": "x"}
    assert request.post(url, data=body).status == 403
    assert request.post(url, data=body, headers={"X-CSRF-Token": "guessed"}).status == 403
    assert request.post(url, data=body, headers={"X-CSRF-Token": token, "Origin": "http://evil.example"}).status == 403
    assert request.post(url, form={"reason": "x"}, headers={"X-CSRF-Token": token}).status == 400
    stored = hub.ask(lambda kept: kept.get(made.uuid))
    assert stored is not None
    assert stored.acknowledgement is None
    assert request.post(url, data=body, headers={"X-CSRF-Token": token}).status == 200


def test_a_viewer_can_change_nothing_by_hand_either(viewer: windows.Window, hub: served.Served):
    made = examples.one(1)
    hub.add(made)
    request = viewer.page.request
    headers = {"X-CSRF-Token": request.get(f"{hub.url}/api/v1/me").json()["csrf"]}
    changes = [
        ("POST", f"alerts/{made.uuid}/acknowledge"),
        ("DELETE", f"alerts/{made.uuid}/acknowledge"),
        ("POST", "silences"),
        ("DELETE", "silences/1"),
        ("GET", "audit"),
        ("GET", "sinks/x/dead-letters"),
        ("POST", "sinks/x/dead-letters/retry"),
        ("POST", "sinks/x/dead-letters/drop"),
    ]
    for method, path in changes:
        answer = request.fetch(f"{hub.url}/api/v1/{path}", method=method, headers=headers, data={"reason": "x"})
        assert answer.status == 403, path

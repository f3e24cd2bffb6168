"""A browser window on the page, and what people do with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright import sync_api as playwright

SECONDS = 60
"""For anything that is waited for: the machine may be loaded."""

SIZE: Any = {"width": 1400, "height": 900}


class Window:
    """page: Playwright's. url: the hub's, without a slash at the end.

    expected: what the console may say after all, as parts of texts."""

    def __init__(self, page: playwright.Page, url: str) -> None:
        self.page, self.url = page, url
        self.expected: list[str] = []
        self._said: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self._said.append(f"{kind}: {text}")

    def complaints(self) -> list[str]:
        return [each for each in self._said if not any(part in each for part in self.expected)]

    def log_in(self, name: str, password: str) -> None:
        """As the page does it, but without the form."""
        answer = self.page.request.post(f"{self.url}/api/v1/login", data={"user": name, "password": password})
        assert answer.ok, answer.text()

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    @property
    def rows(self) -> playwright.Locator:
        return self.page.locator("tr[data-uuid]")

    def shows(self, *rules: str) -> None:
        """Waits until the rows are of these rules, in this order."""
        playwright.expect(self.page.locator("tr[data-uuid] td.c-rule")).to_have_text(list(rules))

    def query(self) -> dict[str, list[str]]:
        """Of the address."""
        return parse_qs(urlsplit(self.page.url).query, keep_blank_values=True)

    def wait_for_query(self, **wanted: str) -> None:
        """Keys with `_` for `-` in front: `_namespace` is `-namespace`."""
        expected = {
            name.replace("_", "-", 1) if name.startswith("_") else name: [value] for name, value in wanted.items()
        }
        self.page.wait_for_function(
            "wanted => JSON.stringify([...new URLSearchParams(location.search)].sort()) === wanted",
            arg=_sorted_pairs(expected),
        )

    def menu(self, name: str) -> None:
        """Opens a menu of the bar."""
        self.page.locator(".filters").get_by_role("button", name=name).first.click()

    def button(self, name: str, *, within: str = "body", exact: bool = False) -> playwright.Locator:
        return self.page.locator(within).get_by_role("button", name=name, exact=exact)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def _sorted_pairs(query: dict[str, list[str]]) -> str:
    return json.dumps(
        sorted([name, value] for name, values in query.items() for value in values), separators=(",", ":")
    )


@contextlib.contextmanager
def opened(browser: playwright.Browser, url: str, **options: Any) -> Iterator[Window]:
    """Asserts at the end that the page complained of nothing."""
    context = browser.new_context(
        **{"viewport": SIZE, "timezone_id": "Europe/Paris", "locale": "en-GB", "accept_downloads": True} | options
    )
    context.set_default_timeout(SECONDS * 1000)
    playwright.expect.set_options(timeout=SECONDS * 1000)
    window = Window(context.new_page(), url)
    try:
        yield window
        if found := window.complaints():
            pytest.fail("the page complained: " + "; ".join(found))
    finally:
        context.close()

"""Debian's Chromium, driven by Playwright, on a hub of the test's own.

One browser for the tests of a module, a window (with cookies and storage of its own) for each test. Whatever the test
is about, a page may say nothing on the console: neither a script's error nor a breach of its security policy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api as playwright
from tests.hub.web.support import chromium, served, windows

PROGRAM = Path(chromium.__file__)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # One after the other, in one worker: a second browser would cost more than it saves. And while Playwright
        # runs, its event loop runs, too, so that asynchronous tests must not come in between.
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("chromium"))


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    if not os.path.exists(chromium.CHROMIUM):
        pytest.skip(f"needs {chromium.CHROMIUM}: `make setup` installs it")
    # Chromium gets a new, empty profile with each start.
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=PROGRAM, args=list(FLAGS), timeout=windows.SECONDS * 1000)
        yield found
        found.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[served.Served]:
    with served.served(tmp_path) as found:
        yield found


@pytest.fixture
def window(browser: playwright.Browser, hub: served.Served) -> Iterator[windows.Window]:
    """Nobody is logged in yet."""
    with windows.opened(browser, hub.url) as found:
        yield found


@pytest.fixture
def admin(window: windows.Window) -> windows.Window:
    window.log_in(*served.ADMIN)
    return window


@pytest.fixture
def viewer(window: windows.Window) -> windows.Window:
    window.log_in(*served.VIEWER)
    return window

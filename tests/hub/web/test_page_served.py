"""The whole way with the real program: `falcon-hub user add`, `falcon-hub serve`, an alert by its token, the page."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.hub.web.support import examples, served, windows

PROGRAM = [sys.executable, "-m", "falcon_hub"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FALCON")}


@contextlib.contextmanager
def serving(options: list[str]) -> Iterator[str]:
    """The address of a hub that ends by SIGTERM, with nothing to complain of."""
    with subprocess.Popen([*PROGRAM, "serve", *options], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"ready: .* at (http://\S+)", line):
                    yield found[1].rstrip("/")
                    break
            else:
                raise AssertionError("".join(said))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(windows.SECONDS) == 0


def test_from_nothing_to_an_alert_in_the_page(browser: Browser, tmp_path: Path):
    options = ["-o", f"data_dir={tmp_path}", "-o", "listen.port=0"]
    name, password = served.ADMIN
    subprocess.run(
        [*PROGRAM, "user", "add", name, "--role", "admin", *options],
        input=f"{password}\n",
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    with serving(options) as url, windows.opened(browser, url) as window:
        token = next(path for path in tmp_path.iterdir() if "token" in path.name).read_text().strip()
        window.open()
        window.page.get_by_label("User").fill(name)
        window.page.get_by_label("Password").fill(password)
        window.button("Log in", exact=True).click()
        expect(window.page.locator("button.live.live")).to_be_visible()
        request = urllib.request.Request(
            f"{url}/api/v1/alerts",
            json.dumps(examples.one(1, 1, rule="Shell").to_json()).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        window.shows("Shell")
        window.page.get_by_role("link", name="Delivery").click()
        expect(window.page.get_by_text("Alerts are sent nowhere")).to_be_visible()

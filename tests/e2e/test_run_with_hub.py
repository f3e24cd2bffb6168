"""`make run` in a word: sensor and hub beside each other, an act on this machine is on the page, Ctrl-C ends both."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
READER = "a-token-of-a-reader"

pytestmark = pytest.mark.kernel


def _ask(port: int) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/alerts", headers={"Authorization": f"Bearer {READER}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            found: list[dict[str, Any]] = json.load(answer)["alerts"]
            return found
    except (urllib.error.URLError, ConnectionError):
        return []


def test_an_act_on_this_machine_is_on_the_page_and_ctrl_c_ends_both(tmp_path: Path):
    marker = tmp_path / "marker"
    marker.touch()
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        f"- rule: Marker read\n  desc: x\n  priority: WARNING\n  output: read by %proc.name\n"
        f"  condition: evt.type in (open, openat, openat2) and fd.name = {marker}\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCON")}
    environ = kept | {
        "FALCONHUB_DATA_DIR": str(tmp_path / "hub"),
        "FALCONHUB_LISTEN__PORT": str(port),
        "FALCONHUB_ACCESS__READER_TOKENS": json.dumps([{"name": "test", "token": READER}]),
    }
    log = tmp_path / "log"
    with open(log, "wb") as out:
        # A terminal gives a command a process group of its own, and sends Ctrl-C to all of it.
        process = subprocess.Popen(
            [ROOT / "scripts" / "run", "-r", str(rules)], stdout=out, stderr=out, env=environ, start_new_session=True
        )
    try:
        end = time.monotonic() + SECONDS
        while not (found := _ask(port)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            if "watching" in log.read_text():
                marker.read_bytes()
            time.sleep(0.1)
        assert {each["rule"] for each in found} == {"Marker read"}
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 0
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(SECONDS)
    assert "page and alerts at http://127.0.0.1:" in log.read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5).close()

"""`falcon-hub serve` as a process of its own, in a folder of the test, to be killed and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SECONDS = 180.0
"""For anything that is waited for; a loaded machine needs it."""


class Hub:
    """options: `-o` settings besides the folder and the port."""

    def __init__(self, folder: Path, *options: str, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._options = [f"data_dir={folder / 'data'}", *options]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FALCON")}
        self._environ = kept | dict(environ or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def command(self, *arguments: str) -> list[str]:
        options = [word for each in self._options for word in ("-o", each)]
        return [sys.executable, "-m", "falcon_hub", *arguments, *options]

    def start(self, port: int = 0) -> None:
        """Returns when it is ready."""
        self.folder.mkdir(exist_ok=True)
        begin = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            command = [*self.command("serve"), "-o", f"listen.port={port}"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=self._environ)
        end = time.monotonic() + SECONDS
        while not (found := re.search(r"ready: .* at (\S+)", self.said(begin))):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the hub did not start:\n{self.said(begin)}")
            time.sleep(0.05)
        self.address = found[1]

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rpartition(":")[2])

    def said(self, begin: int = 0) -> str:
        return self.log.read_bytes()[begin:].decode()

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)

    def stop(self) -> int:
        """Asks it to end; its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    @property
    def token(self) -> str:
        return (self.folder / "data" / "ingest.token").read_text().strip()

    def ask(self, path: str, body: Any = None, token: str | None = None) -> tuple[int, bytes]:
        """Status and body; a body makes it a POST."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path.lstrip("/"), data, headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def metric(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("/metrics")[1].decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0


def run(hub: Hub, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Another command on the same settings."""
    command: Sequence[str] = hub.command(*arguments)
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS, env=hub._environ)

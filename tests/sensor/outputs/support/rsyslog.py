"""A real rsyslogd with a configuration of its own: its own process id file, its own sockets, ports of loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

needed = pytest.mark.skipif(
    shutil.which("rsyslogd") is None, reason="needs rsyslogd (rsyslog, rsyslog-openssl); `make setup` installs it"
)

_FIELDS = {
    "message": "msg",
    "priority": "pri-text",
    "severity": "syslogseverity-text",
    "facility": "syslogfacility-text",
    "app_name": "app-name",
    "process": "procid",
    "message_id": "msgid",
    "data": "structured-data",
    "hostname": "hostname",
    "protocol": "protocol-version",
    "raw": "rawmsg",
}
_TEMPLATE = (
    'template(name="all" type="list" option.jsonf="on") {\n'
    + "".join(f'  property(outname="{key}" name="{name}" format="jsonf")\n' for key, name in _FIELDS.items())
    + "}\n"
)


class Rsyslog:
    """inputs: configuration of what it listens to; `module(...)` and `input(...)` lines."""

    def __init__(self, directory: Path, inputs: str, *, most: int = 8096, more: str = "") -> None:
        self.file = directory / "received.ndjson"
        self._config = directory / "rsyslog.conf"
        self._directory = directory
        self._config.write_text(
            f'global(workDirectory="{directory}" maxMessageSize="{most}" {more})\n{inputs}\n{_TEMPLATE}'
            f'action(type="omfile" file="{self.file}" template="all" flushOnTXEnd="on")\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it has started; its ports may take a moment more."""
        pid = self._directory / "rsyslog.pid"
        pid.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", str(self._config), "-i", str(pid)], stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """As when a machine dies: nothing is said, and what it had not read is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def received(self) -> list[dict[str, Any]]:
        """Every message so far, as far as they are written whole."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Until that many have come."""
        deadline = time.monotonic() + 30
        while len(found := self.received()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages within 30 s"
            time.sleep(0.02)
        return found


def unused(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])

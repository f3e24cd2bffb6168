"""`falcon-sensor run` as a node's sensor, outside of a pod: real probes, ports and directories of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sensor.cluster.support import https, keys


def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Waits for something that will happen; a bound for the case that it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"within {seconds} s: {what}")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Running:
    """Started when made. prefix: a command to start it by.

    alerts: objects of standard output so far; said: lines of standard error."""

    def __init__(
        self, directory: Path, authority: keys.Authority, kubeconfig: Path, namespace: str, cluster: Any, *prefix: str
    ):
        self.api_port, self.health_port = free_port(), free_port()
        self.tls = directory / "tls"
        self.state = directory / "state"
        if not self.tls.exists():
            authority.issue(self.tls)
        settings = {
            "enabled": True,
            "node_name": "test-node",
            "namespace": namespace,
            "host": "127.0.0.1",
            "api_port": self.api_port,
            "health_port": self.health_port,
            "tls_dir": str(self.tls),
            "state_dir": str(self.state),
            "kubeconfig": str(kubeconfig),
            **cluster,
        }
        environ = {f"FALCON_CLUSTER__{name.upper()}": json.dumps(value) for name, value in settings.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FALCON_")}
        self.alerts: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "falcon_sensor", "run", "--json", "-o", "rate_limit.alerts=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, **environ},
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read_alerts, daemon=True),
            threading.Thread(target=self._read_said, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self.client = https.Client(self.api_port, authority.client(), None)

    def ready(self) -> Running:
        """Returns when it listens for the operator."""
        until(lambda: self.process.poll() is not None or self._listens(), f"the API listens: {self.said}")
        assert self.process.poll() is None, self.said
        return self

    def metrics(self) -> str:
        return https.get(self.health_port, "/metrics")[1]

    def told(self, rule: str) -> list[dict[str, Any]]:
        return [alert for alert in list(self.alerts) if alert["rule"] == rule]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(30)
        return code

    def _listens(self) -> bool:
        try:
            self.client.status()
        except OSError:
            return False
        return self.watches()

    def watches(self) -> bool:
        return any("ready in" in line for line in list(self.said))

    def _read_alerts(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.alerts.append(json.loads(line))

    def _read_said(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

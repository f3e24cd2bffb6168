"""A falcon-sensor of the tests' own, and how to know what it has seen.

Alerts arrive some milliseconds after what they are about. Instead of waiting "long enough", a test
opens a file that a rule of the tests waits for (`settle`): records come in the order of the events,
so once that alert is there, every alert about anything before it is there as well.

Alerts are told apart by an environment variable of the process they are about (`MARK`). It is
inherited through any number of forks, sessions and containers, so neither other activity on the
machine nor another scenario gets mixed up with ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEFAULT_RULES = ROOT / "rules" / "default"
SENSOR = pathlib.Path(sys.executable).parent / "falcon-sensor"

MARK = "FALCON_SCENARIO"
SENTINEL = "Sentinel of the tests"

# Generous: on a loaded machine of two cores, compiling the kernel programs takes several seconds.
START_TIMEOUT = 90.0
SETTLE_TIMEOUT = 20.0

Alert = dict[str, Any]


def default_rules() -> dict[str, bool]:
    """Names of the default rules in their order, and whether they are on."""
    items = [item for path in sorted(DEFAULT_RULES.glob("*.yaml")) for item in _items(path)]
    return {item["rule"]: item.get("enabled", "true") == "true" for item in items if "rule" in item}


def _items(path: pathlib.Path) -> list[dict[str, str]]:
    # BaseLoader leaves every scalar as written, as the language wants it.
    return list(yaml.load(path.read_text(), Loader=yaml.BaseLoader))


class Sensor:
    """`falcon-sensor run --json` with the default rules and the sentinel's; use as a context manager.

    directory: for files of its own. names: rules whose alerts shall carry the scenario's mark.
    rules: rule files and directories, in order.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        rules: Sequence[pathlib.Path],
        names: Sequence[str],
        options: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._rules = [*rules, self._own_rules(names)]
        self._options = ["rate_limit.alerts=0", *options]
        self._alerts: list[Alert] = []
        self._arrived = threading.Condition()
        self.summary = ""

    def __enter__(self) -> Sensor:
        command = [str(SENSOR), "run", "--json", "-r", *map(str, self._rules)]
        for option in self._options:
            command += ["-o", option]
        self._log = (self._directory / "sensor.log").open("w+")
        # Errors go to a file: a pipe nobody reads would stop the sensor when it is full.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait_until_it_sees()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Ends it as a user would; what it said at its end is then in `summary`. Returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(timeout=10)
        if not self._log.closed:
            self._log.seek(0)
            self.summary = self._log.read()
            self._log.close()
        return self.process.returncode

    def settle(self, timeout: float = SETTLE_TIMEOUT) -> None:
        """Returns when every alert about what happened before the call has arrived."""
        name = self._touch()
        if not self._wait_for(lambda alert: _is_sentinel(alert, name), timeout):
            raise AssertionError(f"the sensor did not see the sentinel within {timeout:.0f} s\n{self._said()}")

    def alerts(self, mark: str | None = None) -> list[Alert]:
        """Alerts so far without sentinels, of one scenario or of all."""
        with self._arrived:
            alerts = list(self._alerts)
        key = f"proc.env[{MARK}]"
        return [
            alert
            for alert in alerts
            if alert["rule"] != SENTINEL and (mark is None or alert["output_fields"].get(key) == mark)
        ]

    def cpu_seconds(self) -> float:
        """Processor time that the sensor's process has used, children included."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def _own_rules(self, names: Sequence[str]) -> pathlib.Path:
        items: list[dict[str, Any]] = [
            {"rule": name, "output": f"scenario=%proc.env[{MARK}]", "override": {"output": "append"}} for name in names
        ]
        condition = f"evt.type in (open, openat) and fd.name startswith {self._directory}/sentinel-"
        sentinel = {"rule": SENTINEL, "desc": "tells when events have been seen", "condition": condition}
        items.append({**sentinel, "output": "%fd.name", "priority": "DEBUG"})
        path = self._directory / "tests.yaml"
        path.write_text(yaml.safe_dump(items, width=1000))
        return path

    def _touch(self) -> str:
        name = f"{self._directory}/sentinel-{uuid.uuid4().hex}"
        # It need not exist: that somebody tried to open it is enough.
        with contextlib.suppress(FileNotFoundError):
            os.close(os.open(name, os.O_RDONLY))
        return name

    def _wait_until_it_sees(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            name = self._touch()
            if self._wait_for(lambda alert, name=name: _is_sentinel(alert, name), 0.3):
                return
        raise AssertionError(f"the sensor does not run\n{self._said()}")

    def _wait_for(self, wanted: Any, timeout: float) -> bool:
        with self._arrived:
            return self._arrived.wait_for(lambda: any(map(wanted, self._alerts)), timeout)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            alert = json.loads(line)
            with self._arrived:
                self._alerts.append(alert)
                self._arrived.notify_all()

    def _said(self) -> str:
        return (self._directory / "sensor.log").read_text()[-4000:]


def _is_sentinel(alert: Alert, name: str) -> bool:
    return bool(alert["rule"] == SENTINEL and alert["output_fields"].get("fd.name") == name)

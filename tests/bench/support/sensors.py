"""Sensors under measurement: how each is started, known to see, told of new rules and stopped.

A sensor sees when the alert about a file that we open again and again is in its output. Both products print
alerts as JSON lines on standard output, so one way of knowing serves both.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.support import counters, machine, rulesets

_READY_SECONDS = 180.0
"""2,500 rules on a loaded machine."""
_ACT_SECONDS = 0.01
_SETTLE_ACT_SECONDS = 1.0
"""Seldom enough for the usual limit of a hundred alerts in ten seconds."""


class Failed(Exception):
    """The sensor did not do what it must; with what it said."""


class Sensor:
    """A running sensor. Use as a context manager; inside it has seen its first event."""

    def __init__(
        self, command: Sequence[str], rules: rulesets.Rules, log: Path, cpu: str | None, hurried: bool = False
    ) -> None:
        self.rules = rules
        self._log = log
        self._command = [*(["taskset", "-c", cpu] if cpu else []), *command]
        self._hurried = hurried
        self.first_alert = 0.0

    def __enter__(self) -> Sensor:
        # A test's or a user's own settings must not reach it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FALCON_")}
        began = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        if self._hurried:
            machine.hurry(self.process.pid)
        try:
            self.act_until_seen(self.rules.canary, rulesets.CANARY)
        except BaseException:
            self.stop()
            raise
        self.first_alert = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def act_until_seen(self, path: Path, rule: str) -> None:
        """Raises Failed when it isn't within three minutes."""
        self._act_until(path, lambda: self._seen(rule) > 0, _ACT_SECONDS)

    def reload(self) -> None:
        """Both read their rules anew at SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.process.pid)

    def resident_mib(self) -> tuple[float, float]:
        return machine.resident_mib(self.process.pid)

    def counts(self) -> counters.Counts | None:
        """None where they can't be had."""
        return None

    def settle(self) -> None:
        """Returns when it has worked off all that has happened: alerts come in the order of events."""
        seen = self._seen(rulesets.CANARY)
        self._act_until(self.rules.canary, lambda: self._seen(rulesets.CANARY) > seen, _SETTLE_ACT_SECONDS)

    def background(self, seconds: float) -> float:
        """Share of a CPU it uses for what the rest of the machine does."""
        before = self.cpu_seconds()
        time.sleep(seconds)
        return (self.cpu_seconds() - before) / seconds

    def _seen(self, rule: str) -> int:
        return self._log.read_bytes().count(rule.encode())

    def _act_until(self, path: Path, done: Callable[[], bool], every: float) -> None:
        """Opens the file over and over. Raises Failed when it was in vain for three minutes."""
        end, acted = time.monotonic() + _READY_SECONDS, 0.0
        while not done():
            if self.process.poll() is not None or time.monotonic() > end:
                said = self._log.read_text(errors="replace")[-3000:]
                raise Failed(f"{shlex.join(self._command)} does not see:\n{said}")
            if time.monotonic() - acted > every:
                with contextlib.suppress(FileNotFoundError):
                    os.close(os.open(path, os.O_RDONLY))
                acted = time.monotonic()
            time.sleep(_ACT_SECONDS)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in machine.session(self.process.pid):
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()


class Falcon(Sensor):
    def __init__(self, rules: rulesets.Rules, log: Path, cpu: str | None, hurried: bool = False) -> None:
        program = Path(sys.executable).with_name("falcon-sensor")
        # Without a limit, as the other one has none: else an answer could be held back that we wait for.
        command = [str(program), "run", "--json", "-o", "rate_limit.alerts=0", "-r", *map(str, rules.files)]
        super().__init__(command, rules, log, cpu, hurried)

    def counts(self) -> counters.Counts | None:
        return counters.read(self.process.pid)


class Falco(Sensor):
    """program: a falco binary. counters_command: prints its `events drops`, since it tells them to nobody unasked."""

    def __init__(
        self,
        program: str,
        rules: rulesets.Rules,
        log: Path,
        cpu: str | None,
        hurried: bool = False,
        counters_command: str | None = None,
    ) -> None:
        command = [
            program,
            "-o",
            "engine.kind=modern_ebpf",
            "-o",
            "json_output=true",
            "-o",
            "stdout_output.enabled=true",
        ]
        command += ["-U", *(each for path in rules.files for each in ("-r", str(path)))]
        super().__init__(command, rules, log, cpu, hurried)
        self._counters = counters_command

    def counts(self) -> counters.Counts | None:
        if self._counters is None:
            return None
        told = subprocess.run(self._counters, shell=True, capture_output=True, text=True, check=True).stdout.split()
        return counters.Counts(int(told[0]), int(told[0]), int(told[1]))

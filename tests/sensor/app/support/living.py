"""A sensor as a process, its alerts as they come, and a debugger's hold on one of its threads."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RULE = """
- rule: Marked program
  desc: a copy of a program under a name that nothing else on this machine has
  condition: evt.type in (execve, execveat) and proc.name = {name}
  output: "marked program %proc.cmdline"
  priority: NOTICE
- rule: Marked file
  desc: a name that nothing else on this machine opens
  condition: evt.type in (open, openat) and fd.name = /nowhere/{name}
  output: "marked file %fd.name"
  priority: NOTICE
"""

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


class Living:
    """Up when made. module: what is run."""

    def __init__(self, directory: Path, *options: str, module: str = "tests.sensor.app.support.sabotaged"):
        self.name = f"m{uuid.uuid4().hex[:10]}"
        self.program = directory / self.name
        shutil.copy("/bin/true", self.program)
        rules = directory / "rules.yaml"
        rules.write_text(RULE.format(name=self.name))
        self.alerts: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "run", "--json", "-r", str(rules), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[4],
        )
        for target in (self._hear, self._read):
            threading.Thread(target=target, daemon=True).start()
        self.until(lambda: any("ready in" in line for line in self.said), 60)

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.alerts.append(json.loads(line))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def until(self, condition: Callable[[], Any], seconds: float = 40.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, (self.alerts, self.said)
            assert self.process.poll() is None, (self.alerts, self.said)
            time.sleep(0.05)
        return found

    def told(self, rule: str, text: str = "") -> dict[str, Any] | None:
        """The first alert of a rule whose output has this text."""
        for alert in self.alerts:
            if alert["rule"] == rule and text in alert["output"]:
                return alert
        return None

    def act(self) -> None:
        subprocess.run([self.program], check=True)

    def consumer(self) -> int:
        """The thread's number."""
        found = self.until(lambda: [line for line in self.said if line.startswith("consumer: ")])
        return int(found[0].split()[1])

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def held(thread: int) -> Iterator[None]:
    """One thread of another process stands still, as under a debugger."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for request in (_SEIZE, _INTERRUPT):
        if ptrace(request, thread, None, None):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        ptrace(_DETACH, thread, None, None)

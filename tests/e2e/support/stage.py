"""Where a scenario takes place: on this machine or in a container, every process marked as its own.

A scenario is a rule's name, whether the rule is to fire, and a function that acts on a `Stage`.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.support import runc, sensor
from tests.e2e.support.programs import Programs


class Stage:
    """mark: what all alerts about this scenario carry. directory: a new one, below /tmp, gone afterwards."""

    def __init__(self, programs: Programs, runtime: runc.Runtime | None) -> None:
        self.mark = uuid.uuid4().hex
        self.programs = programs
        self.containers: list[runc.Result] = []
        self._runtime = runtime
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="scenario-", dir="/tmp"))
        self.directory.chmod(0o755)

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def host(self, args: Sequence[str], *, code: int | None = 0, **options: Any) -> str:
        """Runs a program here, in a session of its own without terminal; returns what it printed.

        code: the exit code it must have, None for any. options: those of `subprocess.run`.
        """
        done = subprocess.run(
            args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            timeout=runc.TIMEOUT,
            env=self._environment({"HOME": str(self.directory)}),
            **options,
        )
        output = str(done.stdout, errors="replace")
        assert code in (None, done.returncode), f"{args} ended with {done.returncode}: {output}"
        return output

    def act(self, *args: str, name: str = "act", code: int | None = 0) -> str:
        """Our program acts here as a process called `name`."""
        return self.host([self.programs.act_as(name), *args], code=code)

    def idle(self, name: str, *args: str, code: int | None = 0) -> str:
        """A program called `name` is started here with these arguments, and does nothing."""
        return self.host([self.programs.nothing_as(name), *args], code=code)

    def container(self, args: Sequence[str], *, code: int | None = 0, **spec: Any) -> runc.Result:
        """Runs a container to its end; `spec` as in `runc.Spec`."""
        assert self._runtime is not None, "this scenario needs containers"
        env = self._environment(spec.pop("env", {}))
        result = self._runtime.run(runc.Spec(args=args, env=env, **spec))
        self.containers.append(result)
        assert code in (None, result.code), f"{args} ended with {result.code}: {result.output}"
        return result

    def shell(self, script: str, *, code: int | None = 0, **spec: Any) -> runc.Result:
        """The same for a script: the container's first process is `act`, so that no shell is its parent."""
        return self.container(["/usr/sbin/act", "run", "/bin/sh", "sh", "-c", script], code=code, **spec)

    def written(self, path: str) -> None:
        """Opens a file here for writing, creating it, and removes it at once."""
        assert not os.path.exists(path), f"{path} exists already"
        try:
            self.act("open", "wc", path)
        finally:
            pathlib.Path(path).unlink(missing_ok=True)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        # Small, so that the mark lies within the part of the environment that the kernel hands over.
        return {sensor.MARK: self.mark, "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **more}


Play = Callable[[Stage], object]


@dataclass(frozen=True)
class Scenario:
    """`fires`: whether exactly one alert of `rule` is expected, and no other; if not: none at all."""

    rule: str
    title: str
    fires: bool
    play: Play

    @property
    def id(self) -> str:
        verb = "fires" if self.fires else "silent"
        return f"{self.rule}-{verb}-{self.title}".replace(" ", "_").replace("/", "|")


def fires(rule: str, title: str, play: Play) -> Scenario:
    return Scenario(rule, title, True, play)


def silent(rule: str, title: str, play: Play) -> Scenario:
    """A near miss: all but one thing that the rule asks for."""
    return Scenario(rule, title, False, play)

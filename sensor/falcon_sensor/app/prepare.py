"""Settings and rules are read and compiled by a process of its own, which ends when it has answered.

Its pydantic, PyYAML and lark (40 MB, a quarter of a second of imports) would otherwise stay in a
process that runs for months and never needs them again; and it works on one core while this one
imports the engine on another. It is a new interpreter and not a fork, so that rules can be
compiled anew later, when this process has threads.

    request (JSON on its standard input)  ->  falcon_sensor.app.compile  ->  Answer (pickled, on its standard output)
"""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from falcon_sensor.app import memory

if TYPE_CHECKING:
    from falcon_rules import bundle
    from falcon_sensor.kernel.plan import contract
    from falcon_sensor.settings import model


class Failed(Exception):
    """The sensor cannot start or go on. The text says why and what to do; with `complete` it is whole
    diagnostics (`file:line: ...`), printed as they are."""

    def __init__(self, text: str, *, complete: bool = False) -> None:
        super().__init__(text)
        self.complete = complete


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run needs. plan: None without rules, as a node's sensor may start. warnings: whole diagnostics, for
    people. digest, rule_errors: of the last good bundle, see `unpacking`."""

    settings: model.Settings
    bundle: bundle.Bundle
    plan: contract.Plan | None
    warnings: tuple[str, ...] = ()
    digest: str = ""
    rule_errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """`prepared`, or `errors` when there is none."""

    prepared: Prepared | None
    errors: tuple[str, ...] = ()


class Process:
    """The compiling process; as a context manager it is gone at the end whatever happened.

    config: a settings file. options: `key=value` texts. rules: files and directories that take the
    place of the settings' `rules_files` unless empty.
    """

    def __init__(self, config: str | None, options: Sequence[str], rules: Sequence[str], *, json: bool = False) -> None:
        self._request = {"config": config, "options": list(options), "rules": list(rules), "json": json}

    def __enter__(self) -> Process:
        # -P: a file called yaml.py in the current directory must not run as root. A process group of its own:
        # Ctrl-C in the terminal is for us, and we end it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "falcon_sensor.app.compile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; result() says so
            self._process.stdin.write(json.dumps(self._request).encode())
            self._process.stdin.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def result(self) -> Prepared:
        """Waits for the answer. Raises Failed."""
        assert self._process.stdout is not None
        output = self._process.stdout.read()
        self._process.wait()
        if self._process.returncode != 0:
            raise Failed(f"the process that compiles rules ended with {self._process.returncode}")
        with memory.uncollected():
            answer: Answer = pickle.loads(output)
        if answer.prepared is None:
            raise Failed("\n".join(answer.errors), complete=True)
        return answer.prepared

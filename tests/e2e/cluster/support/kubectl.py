"""kubectl as people use it: what it prints is part of what is tested."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml

Result = TypeVar("Result")
Body = dict[str, Any]

# A loaded machine of two cores with three nodes on it takes its time.
PATIENCE = 90.0


def until(what: str, look: Callable[[], Result | None], timeout: float = PATIENCE, pause: float = 0.2) -> Result:
    """The first truthy answer of `look`; `what` should hold by then and is told if it does not."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"within {timeout:.0f} s: {what}; last seen: {found!r}")
        time.sleep(pause)


class Failed(Exception):
    """What kubectl said when it refused."""


class Kubectl:
    """One kubeconfig; as_user: somebody else than its owner, with that one's rights alone."""

    def __init__(self, kubeconfig: pathlib.Path, as_user: str | None = None) -> None:
        self._base = ["kubectl", f"--kubeconfig={kubeconfig}", *([f"--as={as_user}"] if as_user else [])]

    def command(self, *arguments: str) -> list[str]:
        return [*self._base, *arguments]

    def run(self, *arguments: str, given: str | None = None, timeout: float = PATIENCE) -> str:
        """Standard output. Raises Failed with all that was said."""
        done = subprocess.run(
            self.command(*arguments),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode != 0:
            raise Failed(f"{done.stderr}{done.stdout}".strip())
        return done.stdout

    def says(self, *arguments: str, given: str | None = None) -> str:
        """Everything that was said, whether it succeeded or not: warnings and refusals are on standard error."""
        done = subprocess.run(
            self.command(*arguments), input=given or "", capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stderr + done.stdout

    def get(self, *arguments: str) -> Body:
        return dict(json.loads(self.run("get", *arguments, "-o", "json")))

    def items(self, *arguments: str) -> list[Body]:
        return list(self.get(*arguments)["items"])

    def find(self, *arguments: str) -> Body | None:
        """None for what is not there."""
        text = self.run("get", *arguments, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)) if text.strip() else None

    def apply(self, *bodies: Mapping[str, Any] | str, timeout: float = PATIENCE) -> str:
        texts = [body if isinstance(body, str) else yaml.safe_dump(dict(body), width=1000) for body in bodies]
        return self.run("apply", "-f", "-", given="\n---\n".join(texts), timeout=timeout)

    def delete(self, *arguments: str, wait: bool = True) -> None:
        self.run("delete", *arguments, "--ignore-not-found", f"--wait={str(wait).lower()}", timeout=180)

    def can(self, verb: str, resource: str, *arguments: str, part: str = "") -> bool:
        """`kubectl auth can-i` for whoever this is. part: a subresource such as status."""
        words = [*arguments, f"--subresource={part}"] if part else arguments
        return self.says("auth", "can-i", verb, resource, *words).strip().splitlines()[-1] == "yes"

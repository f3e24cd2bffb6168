"""A packed bundle becomes rules and a plan in a process of its own, see `unpack`; this is the sensor's side.

The same reasons as for `prepare`: what reading and planning need would stay in a process that runs
for months, and it would hold the interpreter lock while events come in.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from falcon_sensor.app import memory

if TYPE_CHECKING:
    from falcon_rules import bundle
    from falcon_sensor.kernel.plan import contract

SECONDS = 60.0
"""Most of it for planning: 500 rules take about one."""


class Refused(Exception):
    """These bytes are no bundle that this sensor can run. version: only because of their format version."""

    def __init__(self, text: str, *, version: bool = False) -> None:
        super().__init__(text)
        self.version = version


@dataclass(frozen=True, slots=True)
class Unpacked:
    """bundle: the rules that can run here. errors: (uid, reason) of the others. plan: None without rules."""

    bundle: bundle.Bundle
    plan: contract.Plan | None
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    unpacked: Unpacked | None
    error: str = ""
    version: bool = False


def request(digest: str, packed: bytes, priority: int, leave_out: Collection[str] = ()) -> bytes:
    """What the process gets on its standard input: a line of JSON, then the packed bundle."""
    head = {"digest": digest, "priority": priority, "leave_out": sorted(leave_out)}
    return json.dumps(head).encode() + b"\n" + packed


def unpack(digest: str, packed: bytes, priority: int, leave_out: Collection[str] = ()) -> Unpacked:
    """priority: less urgent rules are not wanted. leave_out: uids of rules to leave out. Raises Refused."""
    # -P: a module that lies in the current directory must not run as root. Its own group: Ctrl-C is for us.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "falcon_sensor.app.unpack"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )
    try:
        output, _ = process.communicate(request(digest, packed, priority, leave_out), SECONDS)
    except subprocess.TimeoutExpired:
        raise Refused(f"reading and planning the bundle took more than {SECONDS:g} s") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise Refused(f"the process that reads bundles ended with {process.returncode}")
    with memory.uncollected():
        answer: Answer = pickle.loads(output)
    if answer.unpacked is None:
        raise Refused(answer.error, version=answer.version)
    return answer.unpacked

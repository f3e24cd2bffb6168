"""`falcon-sensor check`: what this kernel and this process offer, and what to do about what they don't."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator

from falcon_sensor.kernel import capabilities

_IO_URING = {
    "on": "on, watched",
    "restricted": "for privileged processes, watched",
    "off": "switched off",
    "absent": "not in this kernel",
}


def main(*, as_json: bool) -> int:
    """Prints what was found; the exit code is 1 if the sensor cannot run here."""
    found = capabilities.find()
    if as_json:
        json.dump({"usable": found.usable, **dataclasses.asdict(found)}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(text(found))
    return 0 if found.usable else 1


def text(found: capabilities.Capabilities) -> str:
    """The table for people, and below it what to do."""
    rows = list(_rows(found))
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"{name:{width}}{value}" for name, value in rows]
    if found.problems:
        lines += ["", "The sensor cannot run here:", *(f"  - {problem}" for problem in found.problems)]
    else:
        lines += ["", "The sensor can run here."]
    return "\n".join(lines) + "\n"


def _rows(found: capabilities.Capabilities) -> Iterator[tuple[str, str]]:
    yield "kernel", f"{found.kernel} ({found.machine})"
    yield "BTF", "yes" if found.btf and not found.missing_members else "incomplete" if found.btf else "no"
    yield "bcc", _yes(found.bcc)
    yield "ring buffer", _yes(found.ring_buffer)
    yield "backend", found.backend or "none"
    yield "tracepoints", _with_absent([name for name, there in found.tracepoints.items() if not there])
    yield "io_uring", _IO_URING.get(found.io_uring, found.io_uring)
    yield "32-bit calls (IA32)", "possible, watched" if found.ia32 else "not possible"
    yield "lockdown", found.lockdown
    yield "cgroups", found.cgroups
    yield "pid namespace", "the host's" if found.initial_pid_namespace else "its own (give the pod hostPID)"
    yield "capabilities", f"missing: {', '.join(found.missing_capabilities)}" if found.missing_capabilities else "all"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _with_absent(absent: list[str]) -> str:
    return f"missing: {', '.join(absent)}" if absent else "all"

"""`falcon-sensor check`: a table for people, JSON for programs, and what to do."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

from falcon_sensor.cli import check
from falcon_sensor.kernel import capabilities

GOOD = capabilities.Capabilities(
    kernel="6.1.0",
    machine="x86_64",
    btf=True,
    missing_members="",
    ring_buffer=True,
    tracepoints={"sys_exit": True, "io_uring_complete": True},
    backend="raw tracepoints",
    io_uring="on",
    ia32=True,
    bcc=True,
    missing_capabilities=(),
    lockdown="none",
    initial_pid_namespace=True,
    cgroups="v2",
    problems=(),
)


def rows(found: capabilities.Capabilities) -> dict[str, str]:
    """The table's lines, name to value."""
    table = check.text(found).partition("\n\n")[0]
    return {line[:21].strip(): line[21:] for line in table.splitlines()}


def test_a_machine_that_has_all():
    assert rows(GOOD)["kernel"] == "6.1.0 (x86_64)"
    assert rows(GOOD)["tracepoints"] == "all"
    assert check.text(GOOD).endswith("\nThe sensor can run here.\n")


def test_what_is_missing_stands_in_its_row_and_what_to_do_below():
    poor = dataclasses.replace(
        GOOD,
        backend=None,
        bcc=False,
        tracepoints={"sys_exit": True, "io_uring_complete": False},
        missing_capabilities=("CAP_BPF", "CAP_PERFMON"),
        problems=("bcc cannot be imported: install python3-bpfcc.",),
    )
    assert rows(poor)["bcc"] == "no"
    assert rows(poor)["backend"] == "none"
    assert rows(poor)["tracepoints"] == "missing: io_uring_complete"
    assert rows(poor)["capabilities"] == "missing: CAP_BPF, CAP_PERFMON"
    assert check.text(poor).endswith(
        "\nThe sensor cannot run here:\n  - bcc cannot be imported: install python3-bpfcc.\n"
    )


def test_json_has_every_finding_and_the_exit_code_says_whether_it_can_run():
    done = subprocess.run(
        [sys.executable, "-m", "falcon_sensor", "check", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = json.loads(done.stdout)
    assert set(found) == {"usable", *(each.name for each in dataclasses.fields(capabilities.Capabilities))}
    assert done.returncode == (0 if found["usable"] else 1)
    assert done.stderr == ""

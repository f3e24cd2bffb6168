"""What is found out about a machine before anything is loaded."""

from __future__ import annotations

import pytest

from falcon_sensor.kernel import capabilities


def status(*bits: int) -> str:
    return f"Name:\tx\nCapPrm:\t0\nCapEff:\t{sum(1 << bit for bit in bits):016x}\n"


def test_missing_capabilities():
    assert capabilities.missing_capabilities(status(*range(41))) == ()
    assert capabilities.missing_capabilities(status(39, 38, 19, 2)) == ()
    assert capabilities.missing_capabilities(status(21, 19, 2)) == ()
    assert "CAP_BPF" in capabilities.missing_capabilities(status(38))
    assert "CAP_SYS_PTRACE" in capabilities.missing_capabilities(status(21))


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", "none"),
        ("[none] integrity confidentiality\n", "none"),
        ("none integrity [confidentiality]", "confidentiality"),
    ],
)
def test_lockdown(text: str, mode: str):
    assert capabilities.lockdown_mode(text) == mode


def test_cgroup_versions():
    first = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
    second = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
    assert capabilities.cgroup_version(first) == "v1"
    assert capabilities.cgroup_version(second) == "v2"
    assert capabilities.cgroup_version(first + second) == "hybrid"


@pytest.mark.parametrize(
    ("release", "version"), [("6.18.44-fc", (6, 18)), ("5.4", (5, 4)), ("6.1-rc3", (6, 1)), ("x", (0, 0))]
)
def test_kernel_versions(release: str, version: tuple[int, int]):
    assert capabilities.kernel_version(release) == version


@pytest.mark.kernel
def test_this_machine_is_usable():
    found = capabilities.find()
    assert found.usable
    assert found.problems == ()
    assert found.btf
    assert found.ring_buffer
    assert found.bcc
    assert found.tracepoints["sys_exit"]
    assert found.tracepoints["sched_process_exec"]

"""The C text for each architecture compiles. Only this machine's can be loaded; for others there is
no kernel here whose types could be read, so offsets are made up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from falcon_sensor.kernel import btf, csource, offsets, syscalls, tracepoints
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import layout

HOOKS = tracepoints.Hooks(True, "io_uring_submit_req", 0, -1, 2, 6)
OLD_HOOKS = tracepoints.Hooks(False, "io_uring_submit_sqe", 0, 2, 3, 6)


# What is read together must lie as near each other as it does.
KNOWN = {
    "dentry.d_parent": 24,
    "dentry.d_name.name": 40,
    "dentry.d_name.len": 36,
    "path.mnt": 0,
    "path.dentry": 8,
    "fdtable.max_fds": 0,
    "fdtable.fd": 8,
}


class AnyTypes(btf.Btf):
    """A kernel in which everything exists."""

    def __init__(self) -> None:
        self._next = 0

    def offset(self, *paths: str) -> int:
        self._next += 8
        return KNOWN.get(paths[0], self._next)

    def bit(self, *paths: str) -> int:
        return 8 * self.offset(*paths) + 1

    def has(self, path: str) -> bool:
        return True

    def size(self, name: str) -> int:
        return 168


def source(machine: str, hooks: tracepoints.Hooks = HOOKS) -> csource.Source:
    host = csource.Host(machine, sensor_pid=1, sensor_pidns=2, v1_subsystems=(4, 7))
    plan = contract.Plan.everything(failed_execs=True)
    return csource.generate(plan, host, offsets.macros(AnyTypes(), machine), hooks, 1 << 20)


COMPILE = "import sys; from falcon_sensor.kernel import loader; loader.compile(sys.stdin.read())"


@pytest.mark.kernel
@pytest.mark.parametrize("hooks", [HOOKS, OLD_HOOKS], ids=["new hooks", "old hooks"])
@pytest.mark.parametrize("machine", syscalls.NUMBERS)
def test_text_compiles_without_a_warning(machine: str, hooks: tracepoints.Hooks):
    compiled = subprocess.run(
        [sys.executable, "-c", COMPILE], input=source(machine, hooks).text, capture_output=True, text=True
    )
    assert compiled.stderr == ""
    assert compiled.returncode == 0


def test_arm64_has_no_call_that_it_lacks():
    native = syscalls.NUMBERS["aarch64"].native
    # Those that a call with a directory descriptor has replaced.
    lacking = {"open", "creat", "link", "symlink", "dup2", "chmod", "rename", "rmdir", "unlink", "mkdir"}
    lacking |= {"chown", "lchown"}
    assert lacking.isdisjoint(native)
    assert set(layout.EVENTS) - lacking == set(native)


@pytest.mark.parametrize("machine", syscalls.NUMBERS)
def test_one_number_never_means_two_calls(machine: str):
    for table in syscalls.NUMBERS[machine]:
        numbers = [number for calls in table.values() for number in calls]
        assert len(numbers) == len(set(numbers))


def test_dispatcher_looks_at_wanted_calls_only():
    text = syscalls.c_text("x86_64", {"connect"})
    candidates = text.split("ev_is_candidate")[1].split("return 1")[0]
    assert "case 42:" in candidates
    assert "case 102:" in candidates  # socketcall
    assert "case 257:" not in candidates

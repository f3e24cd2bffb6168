"""The C text for each architecture compiles. Only this machine's can be loaded; for others there is
no kernel here whose types could be read, so offsets are made up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.kernel.support import any_kernel, older_kernels

from falcon_sensor.kernel import objects, syscalls, tracepoints
from falcon_sensor.records import layout

COMPILE = """
import sys
from falcon_sensor.kernel import loader
for part in sys.stdin.read().split(chr(0)):
    print(loader.compile(part).to_bytes().hex())
"""


@pytest.mark.kernel
@pytest.mark.parametrize("hooks", [any_kernel.HOOKS, any_kernel.OLD_HOOKS], ids=["new hooks", "old hooks"])
@pytest.mark.parametrize("machine", syscalls.NUMBERS)
def test_text_compiles_without_a_warning_into_what_older_kernels_load(machine: str, hooks: tracepoints.Hooks):
    parts = any_kernel.source(machine, hooks).parts()
    compiled = subprocess.run([sys.executable, "-c", COMPILE], input="\0".join(parts), capture_output=True, text=True)
    assert compiled.stderr == ""
    assert compiled.returncode == 0
    made = [objects.Object.from_bytes(bytes.fromhex(line)) for line in compiled.stdout.split()]
    functions = {name: function.code for each in made for name, function in each.functions.items()}
    assert "ev_uring_complete" in functions
    assert {name: found for name, code in functions.items() if (found := older_kernels.computed(code))} == {}
    assert {name: found for name, code in functions.items() if (found := older_kernels.falling_back(code))} == {}


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

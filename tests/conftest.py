"""What holds for every test: which ones need root and tools, and that those which load programs into
the kernel or start containers take turns.

Taking turns has two parts. Under pytest-xdist they form one group, so that one worker runs them all.
Two pytest runs at once, and other ways to distribute, are kept apart by a lock of the machine.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
from collections.abc import Iterator

import pytest

KERNEL_MARKS = ("kernel", "containers", "serial")
GROUP = "kernel"
LOCK = "/run/lock/falcon-kernel-tests.lock"

NEEDED_TOOLS = {
    "kernel": (),
    # The root file systems' contents, and the compiler for the programs that act in scenarios.
    "containers": ("runc", "busybox", "gcc"),
}


# Before pytest-xdist, which reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marks = [name for name in KERNEL_MARKS if item.get_closest_marker(name)]
        if not marks:
            continue
        item.add_marker(pytest.mark.xdist_group(GROUP))
        if reason := _missing(marks):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing(marks: list[str]) -> str | None:
    """Why tests with these marks can't run here, in one line."""
    if marks == ["serial"]:
        return None
    if os.geteuid() != 0:
        return "needs root: run the tests as root to include those of the kernel and of containers"
    tools = [tool for mark in marks for tool in NEEDED_TOOLS.get(mark, ()) if shutil.which(tool) is None]
    if importlib.util.find_spec("bcc") is None:
        tools.append("bcc (python3-bpfcc)")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        tools.append("a kernel with BTF (/sys/kernel/btf/vmlinux)")
    return f"needs {', '.join(tools)}; `make setup` installs what is packaged" if tools else None


@pytest.fixture(autouse=True)
def _turns(request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds the machine's lock while a test that needs the kernel for itself runs."""
    if not any(request.node.get_closest_marker(name) for name in KERNEL_MARKS):
        yield
        return
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""What holds for every test: which ones need root and tools, and that those which load programs into
the kernel or start containers take turns; and a real API server for the tests that ask for one.

Taking turns has two parts. Under pytest-xdist they form one group, so that one worker runs them all.
Two pytest runs at once, and other ways to distribute, are kept apart by a lock of the machine.

FALCON_TEST_KUBECONFIG names the kubeconfig of an existing cluster. Otherwise KUBEBUILDER_ASSETS names
a folder with etcd and kube-apiserver (envtest's binaries), which are started for the tests alone.

Property tests try the same examples in every run, so that a run tells of the change that was made and of
nothing else; `pytest --hypothesis-profile=explore` looks for new ones.
"""

from __future__ import annotations

import collections
import fcntl
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from tests.operator.support import apiserver

# Here and not in a hook: tests derive their settings from the profile when they are imported.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("explore", derandomize=False)
hypothesis.settings.load_profile("repeatable")

KERNEL_MARKS = ("kernel", "containers", "serial", "cluster")
GROUP = "kernel"
LOCK = "/run/lock/falcon-kernel-tests.lock"

NEEDED_TOOLS = {
    "kernel": (),
    # The root file systems' contents, and the compiler for the programs that act in scenarios.
    "containers": ("runc", "busybox", "gcc"),
}

HOW_TO_GET_A_SERVER = (
    "needs an API server: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver (setup-envtest use -p path), "
    "or FALCON_TEST_KUBECONFIG to a cluster's kubeconfig"
)
"""Why tests with an API server are skipped."""


# Before pytest-xdist, which reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # One worker runs all tests with an API server: a second server would cost more than it saves.
        if {"kubeconfig", "own_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("apiserver"))
        marks = [name for name in KERNEL_MARKS if item.get_closest_marker(name)]
        if not marks:
            continue
        item.add_marker(pytest.mark.xdist_group(GROUP))
        if reason := _missing(marks):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing(marks: list[str]) -> str | None:
    """Why tests with these marks can't run here, in one line."""
    if not set(marks) & {"kernel", "containers"}:
        return None
    if os.geteuid() != 0:
        return "needs root: run the tests as root to include those of the kernel and of containers"
    tools = [tool for mark in marks for tool in NEEDED_TOOLS.get(mark, ()) if shutil.which(tool) is None]
    if importlib.util.find_spec("bcc") is None:
        tools.append("bcc (python3-bpfcc)")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        tools.append("a kernel with BTF (/sys/kernel/btf/vmlinux)")
    return f"needs {', '.join(tools)}; `make setup` installs what is packaged" if tools else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each reason for skipping once: pytest itself would print it for every place."""
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture(autouse=True)
def _turns(request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds the machine's lock while a test that needs the kernel for itself runs."""
    if not any(request.node.get_closest_marker(name) for name in KERNEL_MARKS):
        yield
        return
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def _server() -> Iterator[apiserver.ApiServer | None]:
    binaries = apiserver.assets()
    if binaries is None:
        yield None
        return
    server = apiserver.ApiServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def own_server(_server: apiserver.ApiServer | None) -> apiserver.ApiServer:
    """An API server that the test may restart."""
    if _server is None:
        pytest.skip(f"{HOW_TO_GET_A_SERVER}; this test restarts it, so only KUBEBUILDER_ASSETS will do")
    return _server


@pytest.fixture
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    if existing := os.environ.get("FALCON_TEST_KUBECONFIG"):
        return Path(existing)
    server = request.getfixturevalue("_server")
    if server is None:
        pytest.skip(HOW_TO_GET_A_SERVER)
    return Path(server.kubeconfig)

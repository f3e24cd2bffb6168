"""With real rules, what ordinary programs do stays in the kernel.

FALCON_STABLE_RULES names a file of Falco's published stable rules; the default rules are our own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_sensor.kernel.plan import build, interpret

DEFAULT_RULES = sorted((Path(__file__).parents[3] / "rules" / "default").glob("*.yaml"))
STABLE_RULES = os.environ.get("FALCON_STABLE_RULES")


def compiled(paths):
    result = compilation.compile([documents.Document(str(path), Path(path).read_text()) for path in paths])
    assert not result.errors
    return build.make(result.bundle.rules)


@pytest.fixture(
    scope="module",
    params=[
        "default",
        pytest.param("stable", marks=pytest.mark.skipif(not STABLE_RULES, reason="FALCON_STABLE_RULES is not set")),
    ],
)
def made(request):
    return compiled(DEFAULT_RULES if request.param == "default" else [STABLE_RULES])


def wanted(made, **facts):
    return interpret.wanted(made.filters, made.paths, made.comms, interpret.Facts(**facts))


ORDINARY = [
    (b"/usr/lib/x86_64-linux-gnu/libc.so.6", b"/usr/lib/x86_64-linux-gnu/libc.so.6"),
    (b"/lib/x86_64-linux-gnu/libc.so.6", b"/usr/lib/x86_64-linux-gnu/libc.so.6"),
    (b"/etc/ld.so.cache", b"/etc/ld.so.cache"),
    (b"/etc/localtime", b"/usr/share/zoneinfo/Etc/UTC"),
    (b"src/main.c", b"/home/u/project/src/main.c"),
    (b"./main.c", b"/home/u/project/main.c"),
    (b"/var/lib/postgresql/15/main/base/5/2619", b"/var/lib/postgresql/15/main/base/5/2619"),
]


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("comm", [b"nginx", b"python3", b"postgres"])
@pytest.mark.parametrize(("name", "path"), ORDINARY)
def test_ordinary_reads_are_not_wanted(made, name, path, comm, container):
    above = (b"supervisord", b"containerd-shim") if container else (b"systemd",)
    facts = {"event": "openat", "result": 7, "name": name, "path": path, "open_flags": 0o2000000}
    assert not wanted(made, **facts, comm=comm, ancestors=above, container=container)


@pytest.mark.parametrize("container", [False, True])
def test_a_service_writing_its_own_files_is_not_wanted(made, container):
    path = b"/var/lib/postgresql/15/main/pg_wal/000000010000000000000001"
    assert not wanted(
        made, event="openat", result=7, name=path, path=path, open_flags=2, comm=b"postgres", container=container
    )


@pytest.mark.parametrize("name", [b"/etc/shadow", b"shadow", b"/proc/self/root/etc/shadow", b"/tmp/innocent"])
def test_the_password_file_is_wanted_under_whatever_name(made, name):
    assert wanted(made, event="openat", result=3, name=name, path=b"/etc/shadow", comm=b"cat", ancestors=(b"bash",))


def test_files_that_do_not_exist_are_looked_for_in_peace(made):
    """A start-up looks for its libraries and settings in many places, and most are not there."""
    name = b"/usr/local/lib/python3/site-packages/encodings.py"
    assert not wanted(made, event="openat", result=-2, name=name, comm=b"python3", ancestors=(b"bash",))

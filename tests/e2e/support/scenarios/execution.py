"""Scenarios of 40-execution.yaml."""

from __future__ import annotations

import pathlib
import shutil
import uuid
from collections.abc import Callable

from tests.e2e.support.stage import Stage, fires, silent

MEMFD = "Fileless execution via memfd_create"
SHM = "Execution from /dev/shm"
HIDDEN = "Execution from a hidden temporary directory"
DROPPED = "Drop and execute new binary in container"
NETCAT = "Netcat Remote Code Execution in Container"
PIPED = "Script piped to a shell in container"
POSE = "Program poses as a kernel thread"
MINER = "Crypto miner started"
SCANNER = "Network scanner started in container"


def in_shared_memory(play: Callable[[Stage, pathlib.Path], object]) -> Callable[[Stage], None]:
    """A copy of a program in /dev/shm for as long as `play` runs."""

    def run(stage: Stage) -> None:
        program = pathlib.Path("/dev/shm") / f"falcon-scenario-{uuid.uuid4().hex[:8]}"
        shutil.copy("/bin/true", program)
        try:
            play(stage, program)
        finally:
            program.unlink()

    return run


def script_in(stage: Stage, program: pathlib.Path) -> object:
    program.write_text("#!/bin/sh\ntrue\n")
    return stage.host([str(program)])


def copied(stage: Stage, directory: str) -> str:
    """/bin/true in a directory below the scenario's own or at a given place."""
    target = stage.directory / directory
    target.mkdir(parents=True, exist_ok=True)
    return str(shutil.copy(pathlib.Path("/bin/true"), target / "tool"))


def hidden(stage: Stage, prefix: str) -> None:
    directory = pathlib.Path(f"/tmp/{prefix}{uuid.uuid4().hex[:8]}")
    directory.mkdir()
    try:
        stage.host([str(shutil.copy(pathlib.Path("/bin/true"), directory / "tool"))])
    finally:
        shutil.rmtree(directory)


SCENARIOS = [
    fires(MEMFD, "on the host", lambda s: s.act("memfd", "x", "/bin/true", "x")),
    fires(MEMFD, "in a container", lambda s: s.container(["/usr/sbin/act", "memfd", "x", "/usr/bin/nmap", "x"])),
    fires(
        MEMFD,
        "with the arguments of runc",
        lambda s: s.container(["/usr/sbin/act", "memfd", "x", "/usr/bin/nmap", "runc", "init"]),
    ),
    silent(MEMFD, "the same program from its file", lambda s: s.act("exec", "/bin/true", "x")),
    fires(MEMFD, "a copy called as buildah's", lambda s: s.act("memfd", "buildah-chroot-exec", "/bin/true", "x")),
    silent(
        MEMFD,
        "a copy called as buildah's, below buildah",
        lambda s: s.act(
            *("run", s.programs.act_as("act"), "act", "memfd", "buildah-chroot-exec", "/bin/true", "x"), name="buildah"
        ),
    ),
    silent(MEMFD, "runc starts a container", lambda s: s.container(["/bin/true"])),
    fires(SHM, "a program", in_shared_memory(lambda s, program: s.host([str(program)]))),
    fires(SHM, "a relative name", in_shared_memory(lambda s, program: s.host([f"./{program.name}"], cwd="/dev/shm"))),
    fires(SHM, "a script", in_shared_memory(script_in)),
    silent(SHM, "elsewhere", lambda s: s.host([copied(s, "here")])),
    silent(SHM, "a program that only reads there", in_shared_memory(lambda s, program: s.host(["cat", str(program)]))),
    fires(HIDDEN, "a hidden directory", lambda s: hidden(s, ".X12-")),
    silent(HIDDEN, "cargo's temporary directory", lambda s: hidden(s, ".tmp")),
    silent(HIDDEN, "a directory in sight", lambda s: hidden(s, "scenario-")),
    fires(
        DROPPED,
        "a program that was copied into the container",
        lambda s: s.container(["/usr/sbin/act", "run", "/bin/sh", "sh", "-c", "cp /bin/busybox /tmp/id; /tmp/id"]),
    ),
    silent(
        DROPPED,
        "the image's own program",
        lambda s: s.container(["/usr/sbin/act", "run", "/bin/sh", "sh", "-c", "cp /bin/busybox /tmp/id; /bin/id"]),
    ),
    silent(DROPPED, "on the host", lambda s: s.host([copied(s, "here")])),
    silent(
        DROPPED,
        "while an image is built",
        lambda s: s.container(
            ["/usr/sbin/buildkitd", "run", "/bin/sh", "sh", "-c", "cp /bin/busybox /tmp/id; /tmp/id"]
        ),
    ),
    fires(NETCAT, "nc -e", lambda s: s.container(["/bin/nc", "127.0.0.1", "9", "-e", "/bin/sh"], code=None)),
    fires(NETCAT, "letters run together", lambda s: s.container(["/usr/bin/ncat", "-lvpe", "9", "/bin/sh"])),
    fires(NETCAT, "socat", lambda s: s.container(["/usr/bin/socat", "TCP:127.0.0.1:9", "EXEC:/bin/sh"])),
    silent(NETCAT, "nc without a program", lambda s: s.container(["/bin/nc", "-w", "1", "127.0.0.1", "9"], code=None)),
    silent(NETCAT, "socat without a program", lambda s: s.container(["/usr/bin/socat", "-", "TCP:127.0.0.1:9"])),
    silent(NETCAT, "on the host", lambda s: s.idle("nc", "-e", "/bin/sh", "127.0.0.1", "9")),
    fires(PIPED, "decoded", lambda s: s.container(["/bin/bash", "-c", "echo dHJ1ZQo= | base64 -d | sh"])),
    fires(PIPED, "downloaded", lambda s: s.container(["/bin/sh", "-c", "wget -qO- http://127.0.0.1/x | /bin/sh -s"])),
    silent(
        PIPED, "decoded into a file", lambda s: s.container(["/bin/sh", "-c", "echo dHJ1ZQo= | base64 -d > /tmp/x"])
    ),
    silent(PIPED, "something else piped", lambda s: s.container(["/bin/sh", "-c", "echo true | sh"])),
    silent(PIPED, "on the host", lambda s: s.host(["/bin/sh", "-c", "echo dHJ1ZQo= | base64 -d | sh"])),
    fires(POSE, "in brackets", lambda s: s.act("exec", "/bin/true", "[kworker/0:1-events]")),
    silent(POSE, "the test command", lambda s: s.host(["/usr/bin/[", "a", "=", "a", "]"])),
    silent(POSE, "no brackets", lambda s: s.act("exec", "/bin/true", "kworker/0:1-events")),
    fires(MINER, "by its name", lambda s: s.container(["/usr/bin/xmrig"])),
    fires(MINER, "by its pool", lambda s: s.idle("innocent", "-o", "stratum+tcp://192.0.2.1:3333")),
    silent(MINER, "somebody looks for miners", lambda s: s.host(["grep", "stratum+tcp://", "/etc/hostname"], code=1)),
    silent(MINER, "other arguments", lambda s: s.idle("innocent", "-o", "tcp://192.0.2.1:3333")),
    fires(SCANNER, "nmap", lambda s: s.container(["/usr/bin/nmap", "127.0.0.1"])),
    silent(SCANNER, "another tool", lambda s: s.container(["/bin/ping", "-c", "1", "127.0.0.1"], code=None)),
    silent(SCANNER, "on the host", lambda s: s.idle("nmap", "127.0.0.1")),
]

"""Scenarios of 70-calls.yaml. Links are made to names, never followed; the module that is loaded is empty."""

from __future__ import annotations

from tests.e2e.support.stage import fires, silent

SYMLINK = "Create Symlink Over Sensitive Files"
HARDLINK = "Create Hardlink Over Sensitive Files"
PACKET = "Packet socket created in container"
REDIRECT = "Redirect STDOUT/STDIN to Network Connection in Container"
MODULE = "Linux Kernel Module Injection Detected"
ATTACH = "PTRACE attached to process"
TRACEME = "PTRACE anti-debug attempt"

MODULES = ["CAP_SYS_MODULE"]


def act(*args: str) -> list[str]:
    return ["/usr/sbin/act", *args]


SCENARIOS = [
    fires(SYMLINK, "password hashes", lambda s: s.act("symlink", "/etc/shadow", f"{s.directory}/link")),
    fires(SYMLINK, "in a container", lambda s: s.container(act("symlink", "/root", "/tmp/link"))),
    silent(SYMLINK, "another file", lambda s: s.act("symlink", "/etc/hosts", f"{s.directory}/link")),
    silent(SYMLINK, "refused", lambda s: s.act("symlink", "/etc/shadow", str(s.directory), code=1)),
    silent(SYMLINK, "a package manager", lambda s: s.act("symlink", "/etc/hosts", f"{s.directory}/x", name="dpkg")),
    fires(HARDLINK, "in a container", lambda s: s.container(act("hardlink", "/etc/shadow", "/etc/taken"))),
    silent(HARDLINK, "another file", lambda s: s.container(act("hardlink", "/etc/passwd", "/etc/taken"))),
    silent(HARDLINK, "refused", lambda s: s.container(act("hardlink", "/etc/shadow", "/etc/passwd"), code=1)),
    fires(PACKET, "in a container", lambda s: s.container(act("packet"))),
    silent(PACKET, "a datagram socket", lambda s: s.container(act("udp", "127.0.0.1", "9"))),
    silent(PACKET, "a program for it", lambda s: s.container(["/usr/sbin/dhclient", "packet"])),
    silent(PACKET, "on the host", lambda s: s.act("packet")),
    fires(REDIRECT, "standard output", lambda s: s.container(act("stream", "1"))),
    silent(REDIRECT, "another descriptor", lambda s: s.container(act("stream", "9"))),
    silent(REDIRECT, "a server for it", lambda s: s.container(["/usr/sbin/sshd", "stream", "1"])),
    silent(REDIRECT, "on the host", lambda s: s.act("stream", "1")),
    fires(MODULE, "with CAP_SYS_MODULE", lambda s: s.container(act("module"), capabilities=MODULES, code=1)),
    silent(MODULE, "without", lambda s: s.container(act("module"), code=1)),
    silent(MODULE, "on the host", lambda s: s.act("module", code=1)),
    fires(ATTACH, "on the host", lambda s: s.act("attach")),
    fires(ATTACH, "in a container", lambda s: s.container(act("attach"))),
    silent(ATTACH, "a debugger", lambda s: s.act("attach", name="strace")),
    fires(TRACEME, "on the host", lambda s: s.act("traceme")),
    silent(TRACEME, "a debugger", lambda s: s.act("traceme", name="gdb")),
    silent(
        TRACEME, "by a debugger", lambda s: s.act("run", s.programs.act_as("victim"), "victim", "traceme", name="gdb")
    ),
]

"""Scenarios of 10-shells.yaml."""

from __future__ import annotations

from tests.e2e.support.stage import Stage, fires, silent

TERMINAL = "Terminal shell in container"
INTERACTIVE = "Interactive shell without terminal in container"
UNTRUSTED = "Run shell untrusted"
DISCOVERY = "Server process ran a discovery or download tool"
SYSTEM_USER = "System user interactive"
CONNECTION = "Shell opened a network connection"

# A network of its own in which 192.0.2.0/24 is the container itself, with somebody listening.
LISTENER = "ip link set lo up; ip route add local 192.0.2.0/24 dev lo; nc -l -p 9000 >/dev/null & "


def shell_connects(stage: Stage, address: str) -> None:
    # Tried until the listener is up: refused attempts are no connections. No standard stream is made of it.
    loop = f"until /bin/bash -c ': 5> /dev/tcp/{address}/9000' 2>/dev/null; do :; done"
    stage.shell(LISTENER + loop, capabilities=["CAP_NET_ADMIN"])


def init_script(stage: Stage, name: str) -> None:
    script = stage.directory / name
    script.write_text("#!/bin/sh\nid -u\nsh -c true\n")
    script.chmod(0o755)
    stage.host([str(script), "start"])


SCENARIOS = [
    fires(TERMINAL, "sh attached to the terminal", lambda s: s.container(["/bin/sh", "-c", "true"], terminal=True)),
    fires(
        TERMINAL,
        "nginx starts bash and has a terminal",
        lambda s: s.container(["/usr/sbin/nginx", "run", "/bin/bash", "/bin/bash", "-c", "true"], terminal=True),
    ),
    fires(
        TERMINAL,
        "a terminal made by an intruder",
        lambda s: s.container(["/usr/sbin/act", "pty", "/bin/bash", "bash", "-c", "true"]),
    ),
    fires(
        TERMINAL,
        "further shells of the session are not told again",
        lambda s: s.container(["/bin/bash", "-c", "bash -c 'sh -c true; true'; true"], terminal=True),
    ),
    silent(TERMINAL, "sh without terminal", lambda s: s.container(["/bin/sh", "-c", "true"])),
    silent(TERMINAL, "another program on the terminal", lambda s: s.container(["/bin/id"], terminal=True)),
    silent(TERMINAL, "on the host", lambda s: s.act("pty", "/bin/sh", "sh", "-c", "true")),
    fires(
        INTERACTIVE,
        "bash -i without terminal",
        lambda s: s.container(["/bin/bash", "--norc", "--noprofile", "-i"], code=None),
    ),
    silent(INTERACTIVE, "sh -e", lambda s: s.container(["/bin/sh", "-e"])),
    silent(INTERACTIVE, "on the host", lambda s: s.host(["/bin/bash", "--norc", "-i"], code=None)),
    fires(UNTRUSTED, "httpd starts sh", lambda s: s.act("run", "/bin/sh", "sh", "-c", "true", name="httpd")),
    fires(
        UNTRUSTED,
        "php-fpm in a container starts sh",
        lambda s: s.container(["/usr/sbin/php-fpm8.2", "run", "/bin/sh", "sh", "-c", "true"]),
    ),
    fires(
        UNTRUSTED,
        "nginx starts sh by way of an interpreter",
        lambda s: s.container(
            ["/usr/sbin/nginx", "run", "/usr/sbin/python3", "python3", "run", "/bin/sh", "sh", "-c", "true"]
        ),
    ),
    silent(UNTRUSTED, "another program starts sh", lambda s: s.act("run", "/bin/sh", "sh", "-c", "true", name="myapp")),
    silent(
        UNTRUSTED,
        "php sends mail",
        lambda s: s.act("run", "/bin/sh", "sh", "-c", "/usr/sbin/sendmail -t -i; true", name="php-fpm8.2"),
    ),
    silent(
        UNTRUSTED,
        "httpd starts another httpd",
        lambda s: s.act(
            "run", s.programs.act_as("httpd"), "httpd", "session", "open", "r", "/etc/hostname", name="httpd"
        ),
    ),
    fires(DISCOVERY, "nginx starts id", lambda s: s.act("run", "/usr/bin/id", "id", name="nginx")),
    silent(DISCOVERY, "an init script of that name", lambda s: init_script(s, "nginx")),
    silent(DISCOVERY, "nginx starts date", lambda s: s.act("run", "/bin/date", "date", name="nginx")),
    silent(DISCOVERY, "another program starts id", lambda s: s.act("run", "/usr/bin/id", "id", name="myapp")),
    fires(
        SYSTEM_USER,
        "www-data has a shell on a terminal",
        lambda s: s.act("as", "33", "pty", "/bin/sh", "sh", "-c", "true"),
    ),
    fires(
        SYSTEM_USER,
        "www-data comes in by sshd",
        lambda s: s.act("as", "33", "run", "/usr/bin/id", "id", name="sshd"),
    ),
    silent(
        SYSTEM_USER,
        "a person has a shell on a terminal",
        lambda s: s.act("as", "1000", "pty", "/bin/sh", "sh", "-c", "true"),
    ),
    silent(SYSTEM_USER, "www-data runs a script", lambda s: s.act("as", "33", "run", "/bin/sh", "sh", "-c", "true")),
    silent(SYSTEM_USER, "root comes in by sshd", lambda s: s.act("run", "/usr/bin/id", "id", name="sshd")),
    fires(CONNECTION, "bash opens /dev/tcp", lambda s: shell_connects(s, "192.0.2.1")),
    silent(CONNECTION, "bash probes its own machine", lambda s: shell_connects(s, "127.0.0.1")),
]

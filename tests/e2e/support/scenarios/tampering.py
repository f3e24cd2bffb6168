"""Scenarios of 30-tampering.yaml.

On the host, files are only created under new names and removed at once; what would be dangerous
there happens inside a container's own file system.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.support.stage import Scenario, Stage, fires, silent

LOGS = "Clear Log Activities"
BULK = "Remove Bulk Data from Disk"
BINARY = "Write below binary dir"
PACKAGES = "Write below package database"
MODULES = "Kernel module file written"
PRELOAD = "Linker preload file written"
ACCOUNTS = "Account database written"
LOGIN = "Login policy written"
KEYS = "SSH authorized keys written"
JOBS = "Scheduled job written"
STARTUP = "Start-up configuration written"


def in_container(*args: str) -> Callable[[Stage], object]:
    return lambda stage: stage.container(["/usr/sbin/myapp", *args])


def script(text: str) -> Callable[[Stage], object]:
    return lambda stage: stage.host(["sh", "-c", text])


def written(rule: str, path: str, elsewhere: str) -> list[Scenario]:
    """The file written, the file only read, and a file of the same name elsewhere written, in a container."""
    return [
        fires(rule, f"{path}", in_container("open", "wc", path)),
        silent(rule, f"{path} only read", lambda s: s.container(["/usr/sbin/myapp", "open", "r", path], code=None)),
        silent(rule, f"{elsewhere}", in_container("open", "wc", elsewhere)),
    ]


SCENARIOS = [
    fires(LOGS, "a system log in a container", in_container("open", "wt", "/var/log/syslog")),
    fires(LOGS, "creat is emptying as well", in_container("creat", "/var/log/syslog")),
    fires(LOGS, "a shell empties a log", script(": > /var/log/falcon-scenario.log; rm /var/log/falcon-scenario.log")),
    fires(
        LOGS,
        "a shell's history",
        lambda s: s.host(["sh", "-c", "echo x >> .bash_history; cp /dev/null .bash_history"], cwd=s.directory),
    ),
    silent(LOGS, "a shell appends", script(": >> /var/log/falcon-scenario.log; rm /var/log/falcon-scenario.log")),
    silent(LOGS, "elsewhere", lambda s: s.host(["sh", "-c", ": > x.log"], cwd=s.directory)),
    silent(LOGS, "a program starts its own log anew", in_container("open", "wtc", "/var/log/app/new.log")),
    silent(
        LOGS,
        "a job that cron started",
        lambda s: s.act(
            *("run", "/bin/sh", "sh", "-c", ": > /var/log/falcon-scenario.log; rm /var/log/falcon-scenario.log"),
            name="cron",
        ),
    ),
    fires(BULK, "shred", lambda s: s.host(["sh", "-c", "echo x > secret && shred -u secret"], cwd=s.directory)),
    fires(BULK, "a disk is formatted", lambda s: s.idle("mkfs.ext4", "/dev/sdz1")),
    fires(BULK, "dd over a disk", lambda s: s.idle("dd", "if=/dev/zero", "of=/dev/sdz", "bs=1M")),
    silent(BULK, "rm", lambda s: s.host(["sh", "-c", "echo x > secret && rm -rf secret"], cwd=s.directory)),
    silent(BULK, "an image file is formatted", lambda s: s.idle("mkfs.ext4", "disk.img")),
    silent(
        BULK,
        "a volume driver formats a volume",
        lambda s: s.act("run", s.programs.nothing_as("mkfs.ext4"), "mkfs.ext4", "/dev/sdz1", name="ebs-csi"),
    ),
    fires(BINARY, "on the host", lambda s: s.written("/usr/bin/falcon-scenario")),
    silent(BINARY, "below /usr/local", lambda s: s.written("/usr/local/bin/falcon-scenario")),
    *written(BINARY, "/usr/bin/falcon-scenario", "/usr/local/bin/falcon-scenario"),
    *written(PACKAGES, "/var/lib/dpkg/status", "/var/lib/falcon-scenario"),
    *written(MODULES, "/lib/modules/6.1.0/rootkit.ko", "/lib/modules/6.1.0/modules.dep"),
    *written(PRELOAD, "/etc/ld.so.preload", "/etc/ld.so.cache"),
    *written(ACCOUNTS, "/etc/passwd", "/etc/passwd.new"),
    silent(ACCOUNTS, "the tool for it", lambda s: s.container(["/bin/passwd", "-l", "root"], code=None)),
    *written(LOGIN, "/etc/sudoers.d/falcon-scenario", "/etc/sudoers.new"),
    fires(LOGIN, "the SSH server's", in_container("open", "wa", "/etc/ssh/sshd_config")),
    *written(KEYS, "/root/.ssh/authorized_keys", "/root/.ssh/known_hosts"),
    fires(JOBS, "on the host", lambda s: s.written("/etc/cron.d/falcon-scenario")),
    *written(JOBS, "/var/spool/cron/crontabs/root", "/var/spool/mail"),
    *written(STARTUP, "/etc/systemd/system/falcon.service", "/run/falcon.service"),
]

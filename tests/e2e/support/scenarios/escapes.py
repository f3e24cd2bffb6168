"""Scenarios of 60-escapes.yaml. Kernel files are opened for writing; nothing is ever written into them."""

from __future__ import annotations

from tests.e2e.support.stage import fires, silent

RELEASE_AGENT = "Detect release_agent File Container Escapes"
CONTROL = "Kernel control file written from container"
DISK = "Host disk opened from container"
PROC_ROOT = "Host file system reached through proc"
DEBUGFS = "Debugfs Launched in Privileged Container"
ENTERS = "Container enters the host"
INSMOD = "Kernel module inserted by hand in container"

MIGHTY = ["CAP_SYS_ADMIN"]
AGENT = ["/usr/sbin/act", "open", "wc", "/tmp/release_agent"]
CORE_PATTERN = "/proc/sys/kernel/core_pattern"

SCENARIOS = [
    fires(RELEASE_AGENT, "with CAP_SYS_ADMIN", lambda s: s.container(AGENT, capabilities=MIGHTY)),
    silent(RELEASE_AGENT, "without CAP_SYS_ADMIN", lambda s: s.container(AGENT)),
    silent(
        RELEASE_AGENT, "another name", lambda s: s.container([*AGENT[:3], "/tmp/release_agent2"], capabilities=MIGHTY)
    ),
    silent(RELEASE_AGENT, "on the host", lambda s: s.act("open", "wc", f"{s.directory}/release_agent")),
    fires(
        CONTROL, "core_pattern", lambda s: s.container(["/usr/sbin/act", "open", "w", CORE_PATTERN], writable_proc=True)
    ),
    silent(CONTROL, "only read", lambda s: s.container(["/usr/sbin/act", "open", "r", CORE_PATTERN])),
    silent(CONTROL, "refused", lambda s: s.container(["/usr/sbin/act", "open", "w", CORE_PATTERN], code=1)),
    silent(
        CONTROL,
        "another sysctl",
        lambda s: s.container(["/usr/sbin/act", "open", "w", "/proc/sys/net/core/somaxconn"], writable_proc=True),
    ),
    fires(DISK, "a disk", lambda s: s.container(["/usr/sbin/act", "open", "rc", "/dev/sdz"])),
    silent(DISK, "another device", lambda s: s.container(["/usr/sbin/act", "open", "r", "/dev/zero"])),
    fires(
        PROC_ROOT,
        "by way of the first process",
        lambda s: s.container(["/usr/sbin/act", "open", "r", "/proc/1/root/etc/hostname"]),
    ),
    silent(
        PROC_ROOT,
        "by way of itself",
        lambda s: s.container(["/usr/sbin/act", "open", "r", "/proc/self/root/etc/hostname"]),
    ),
    fires(DEBUGFS, "with CAP_SYS_ADMIN", lambda s: s.container(["/usr/bin/debugfs"], capabilities=MIGHTY)),
    silent(DEBUGFS, "without CAP_SYS_ADMIN", lambda s: s.container(["/usr/bin/debugfs"])),
    silent(DEBUGFS, "on the host", lambda s: s.idle("debugfs")),
    fires(ENTERS, "nsenter", lambda s: s.container(["/bin/nsenter", "-t", "1", "-m", "/bin/true"], code=None)),
    fires(ENTERS, "chroot", lambda s: s.container(["/bin/chroot", "/host", "/bin/true"], code=None)),
    silent(
        ENTERS,
        "another process's namespaces",
        lambda s: s.container(["/bin/nsenter", "-t", "17", "-m", "/bin/true"], code=None),
    ),
    silent(ENTERS, "chroot elsewhere", lambda s: s.container(["/bin/chroot", "/", "/bin/true"])),
    silent(ENTERS, "on the host", lambda s: s.idle("nsenter", "-t", "1", "-u", "true")),
    fires(INSMOD, "insmod", lambda s: s.container(["/bin/insmod", "/tmp/none.ko"], code=None)),
    silent(INSMOD, "lsmod", lambda s: s.container(["/bin/lsmod"], code=None)),
    silent(INSMOD, "on the host", lambda s: s.idle("insmod", "/tmp/none.ko")),
]

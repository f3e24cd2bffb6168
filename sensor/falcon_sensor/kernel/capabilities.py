"""What this kernel and this process offer, for `falcon-sensor check` and the sensor's status.

Everything is looked at in well under a second, with no more loaded than a program of two instructions;
`problems` says in whole sentences what stands in the way and what to do about it.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from falcon_sensor.kernel import backends, bpf, btf, choosing, offsets, syscalls, tracepoints
from falcon_sensor.records import layout

_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""Inode number the kernel gives the first pid namespace (PROC_PID_INIT_INO)."""

_CAPABILITIES = {"CAP_BPF": 39, "CAP_PERFMON": 38, "CAP_SYS_ADMIN": 21, "CAP_SYS_PTRACE": 19, "CAP_DAC_READ_SEARCH": 2}
_TRACEPOINTS = ("sys_exit", "sched_process_exec", "sched_prepare_exec", "io_uring_submit_req", "io_uring_complete")
_IA32_ENTRIES = (b" entry_INT80_compat\n", b" asm_int80_emulation\n", b" do_int80_emulation\n", b" int80_emulation\n")
_HOW = {
    backends.Way.FUNCTION_END: "the functions of wanted calls",
    backends.Way.TRACEPOINT: "the tracepoints of wanted calls",
    backends.Way.RAW_TRACEPOINT: "one tracepoint of all calls",
}
_OLDEST = (5, 10)
"""The ring buffer is of 5.8; running a raw tracepoint program on demand, which the loader does once, of 5.10."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """backend: which hooks are used, None when none can be. tracepoints: name to whether it exists.

    io_uring: "on", "restricted", "off" or "absent". ia32: whether 64-bit processes can make 32-bit calls.
    missing_capabilities: of the process, named as in capabilities(7). lockdown: the kernel's mode,
    "none" where it has none. cgroups: "v1", "v2" or "hybrid". missing_members: the first kernel structure
    member we need and BTF lacks, as a message, else "".
    """

    kernel: str
    machine: str
    btf: bool
    missing_members: str
    ring_buffer: bool
    tracepoints: dict[str, bool]
    backend: str | None
    io_uring: str
    ia32: bool
    bcc: bool
    missing_capabilities: tuple[str, ...]
    lockdown: str
    initial_pid_namespace: bool
    cgroups: str
    problems: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the sensor can run here."""
        return self.backend is not None


def find() -> Capabilities:
    """Looks at this machine. Never raises for what is merely missing."""
    types, members = _types()
    hooks = {name: types is not None and types.tracepoint(name) is not None for name in _TRACEPOINTS}
    missing = missing_capabilities(Path("/proc/self/status").read_text())
    lockdown = lockdown_mode(_read(Path("/sys/kernel/security/lockdown")))
    bcc = importlib.util.find_spec("bcc") is not None
    ring_buffer = _has_ring_buffer()
    problems = _problems(types is not None, members, missing, lockdown, bcc)
    return Capabilities(
        kernel=platform.release(),
        machine=platform.machine(),
        btf=types is not None,
        missing_members=members if types is not None else "",
        ring_buffer=ring_buffer,
        tracepoints=hooks,
        backend=None if problems or types is None else _backend(types),
        io_uring=_io_uring(types),
        ia32=_has_ia32(),
        bcc=bcc,
        missing_capabilities=missing,
        lockdown=lockdown,
        initial_pid_namespace=os.stat("/proc/self/ns/pid").st_ino == _INITIAL_PID_NAMESPACE,
        cgroups=cgroup_version(_read(Path("/proc/self/mounts"))),
        problems=tuple(problems),
    )


def _backend(types: btf.Btf) -> str:
    """For rules about all events; those of fewer may get a cheaper one."""
    choice = next(choosing.candidates("auto", types, layout.EVENTS))
    return f"{choice.calls.backend.upper()}, {_HOW[choice.calls.way]}" + (f" ({choice.why})" if choice.why else "")


def _types() -> tuple[btf.Btf | None, str]:
    """The kernel's types, and what is wrong with them."""
    try:
        types = btf.Btf.load()
    except btf.BtfError as error:
        return None, str(error)
    try:
        if platform.machine() in syscalls.NUMBERS:
            offsets.macros(types, platform.machine())
    except btf.BtfError as error:
        return types, str(error)
    return types, ""


def _problems(has_btf: bool, members: str, missing: tuple[str, ...], lockdown: str, bcc: bool) -> list[str]:
    problems = []
    if platform.machine() not in syscalls.NUMBERS:
        problems.append(
            f"Falcon knows the system calls of {' and '.join(syscalls.NUMBERS)}, not of {platform.machine()}."
        )
    if kernel_version(platform.release()) < _OLDEST:
        problems.append(f"This kernel is {platform.release()}; Falcon needs {_OLDEST[0]}.{_OLDEST[1]} or later.")
    if members:
        problems.append(f"{members[0].upper()}{members[1:]}.")
    if not bcc:
        problems.append("bcc cannot be imported: install python3-bpfcc and use the distribution's own python3.")
    blocking = [name for name in missing if name in ("CAP_BPF", "CAP_PERFMON")]
    if blocking:
        problems.append(f"This process lacks {' and '.join(blocking)}: run as root, in a container privileged.")
    if lockdown == "confidentiality":
        problems.append("The kernel is locked down (confidentiality): programs may not read kernel memory.")
    return problems


def missing_capabilities(status: str) -> tuple[str, ...]:
    """Of those that help, the ones `/proc/self/status` does not list as effective.

    CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, and is asked for only in their absence.
    """
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    effective = int(line.split()[1], 16)
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    if "CAP_SYS_ADMIN" not in missing:
        missing = [name for name in missing if name not in ("CAP_BPF", "CAP_PERFMON")]
    elif "CAP_BPF" not in missing and "CAP_PERFMON" not in missing:
        missing.remove("CAP_SYS_ADMIN")
    return tuple(missing)


def lockdown_mode(text: str) -> str:
    """The bracketed word of /sys/kernel/security/lockdown."""
    return text.partition("[")[2].partition("]")[0] or "none"


def cgroup_version(mounts: str) -> str:
    """By which kinds of cgroup file systems are mounted."""
    kinds = {fields[2] for fields in map(str.split, mounts.splitlines()) if len(fields) > 2}
    if "cgroup" in kinds:
        return "hybrid" if "cgroup2" in kinds else "v1"
    return "v2"


def kernel_version(release: str) -> tuple[int, int]:
    """Major and minor of `6.18.44-fc-v595`; (0, 0) for what can't be read."""
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _io_uring(types: btf.Btf | None) -> str:
    if types is None or tracepoints.find(types).uring_submit is None:
        return "absent"
    return {"0": "on", "1": "restricted", "2": "off"}.get(
        _read(Path("/proc/sys/kernel/io_uring_disabled")).strip(), "on"
    )


def _has_ia32() -> bool:
    if platform.machine() != "x86_64" or "ia32_emulation=0" in _read(Path("/proc/cmdline")):
        return False
    try:
        symbols = Path("/proc/kallsyms").read_bytes()
    except OSError:
        return True  # not known: say what must be reckoned with
    return any(entry in symbols for entry in _IA32_ENTRIES)


def _has_ring_buffer() -> bool:
    """Makes one and drops it; without privileges the question stays open and the kernel's age answers."""
    attribute = struct.pack("<IIII", _RING_BUFFER, 0, 0, os.sysconf("SC_PAGESIZE"))
    try:
        descriptor, _ = bpf.call(_MAP_CREATE, attribute)
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES) and kernel_version(platform.release()) >= _OLDEST
    os.close(descriptor)
    return True


_MAP_CREATE, _RING_BUFFER = 0, 27


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

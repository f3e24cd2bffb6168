"""What the machine says about processes and about itself: processor time, memory, who else is at work."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from falcon_sensor.kernel import bpf

_TICK = os.sysconf("SC_CLK_TCK")
QUIET_SHARE = 0.10
"""Of one CPU: what may be busy on a machine that counts as quiet."""
_LOOK_SECONDS = 2.0


def session(leader: int) -> Iterator[int]:
    """The processes of a session: a sensor and the helpers it has started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except OSError:
                continue
            if int(fields[3]) == leader:
                yield int(entry.name)


def cpu_seconds(leader: int) -> float:
    """Of all processes of the session, and of those that have ended and were waited for.

    The scheduler's own count (ns) where the process lives; ticks of the ended.
    """
    total = 0.0
    for pid in session(leader):
        try:
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9 + _other_threads(pid)
            total += sum(int(field) for field in _stat(pid)[13:15]) / _TICK
        except OSError:
            continue
    return total


def _other_threads(pid: int) -> float:
    """schedstat of a process is its first thread's alone."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        if thread.name != str(pid):
            try:
                total += int((thread / "schedstat").read_text().split()[0])
            except OSError:
                continue
    return total / 1e9


def resident_mib(leader: int) -> tuple[float, float]:
    """Resident now, and at most, of the session's processes together."""
    now = peak = 0
    for pid in session(leader):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        found = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+)", status, re.MULTILINE))
        now += int(found.get("VmRSS", 0))
        peak += int(found.get("VmHWM", 0))
    return now / 1024, peak / 1024


def busy_share(span: float = _LOOK_SECONDS) -> float:
    """CPUs at work, of the whole machine: 1.0 is one."""
    before = _busy()
    time.sleep(span)
    return (_busy() - before) / span


def wait_quiet(limit: float) -> bool:
    """Waits until nothing else is at work, for so many seconds at most; tells on standard error if it was in vain."""
    end = time.monotonic() + limit
    share = 0.0
    while limit:
        share = busy_share()
        if share < QUIET_SHARE:
            return True
        if time.monotonic() > end:
            break
    if limit:
        tell(f"the machine is not quiet: others keep {share:.1f} CPUs busy; wall-clock figures are worth little")
    return not limit


def hurry(pid: int) -> None:
    """Puts a process and its session ahead of everything else that wants a CPU. Others stand still meanwhile."""
    os.setpriority(os.PRIO_PROCESS, pid, -20)
    autogroup = Path(f"/proc/{pid}/autogroup")
    if autogroup.exists():
        # Sessions share the CPUs among themselves whatever their processes' priorities.
        autogroup.write_text("-20")


def other_sensors() -> int:
    """BPF links of the whole machine: whoever else watches makes the run without a sensor slower, too."""
    return sum(1 for _ in bpf.ids(bpf.Objects.LINKS)) if os.geteuid() == 0 else 0


def describe() -> dict[str, str]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "kernel": platform.release(),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {model[1] if model else 'unknown model'}",
        "load": " ".join(f"{each:.1f}" for each in os.getloadavg()),
        "other BPF links": str(other_sensors()),
    }


def tell(text: str) -> None:
    """Progress; the results alone go to standard output."""
    sys.stderr.write(f"# {text}\n")
    sys.stderr.flush()


def _stat(pid: int) -> list[str]:
    """From the state on: [0] is field 3 of proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _busy() -> float:
    user, nice, system, _, _, irq, softirq, *_ = (
        int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / _TICK

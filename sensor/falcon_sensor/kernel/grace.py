"""Waiting until no program that was running a moment ago runs any more.

Closing a link takes a program off its tracepoint, but on another CPU it may be in the middle of a
record. The kernel runs programs inside RCU read-side sections, so a grace period ends them all;
membarrier(2) is the way to ask for one from user space.
"""

from __future__ import annotations

import ctypes
import platform
import time

_NUMBERS = {"x86_64": 324, "aarch64": 283}
_GLOBAL = 1  # MEMBARRIER_CMD_GLOBAL: synchronize_rcu()

_FALLBACK_SECONDS = 0.05
"""Kernels with CPUs in nohz_full mode refuse membarrier; a program runs for microseconds."""

_libc = ctypes.CDLL(None, use_errno=True)


def wait() -> None:
    """Returns when every program that ran at the time of the call has ended. Takes some milliseconds."""
    if _libc.syscall(_NUMBERS[platform.machine()], _GLOBAL, 0, 0) < 0:
        time.sleep(_FALLBACK_SECONDS)

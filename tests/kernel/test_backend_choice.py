"""Which functions and tracepoints each backend takes, from what a kernel has; no kernel is needed for that."""

from __future__ import annotations

import pytest

from falcon_sensor.kernel import backends, choosing, numbers
from falcon_sensor.records import layout

X86 = "x86_64"
DYNAMIC = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1"


def functions(*names: str) -> dict[str, tuple[int, int]]:
    return {name: (number, 7) for number, name in enumerate(names, 1)}


def test_a_takes_native_and_32_bit_callers_functions():
    known = functions("__x64_sys_openat", "__ia32_compat_sys_openat", "__ia32_sys_openat2", "__x64_sys_close")
    calls = backends.by_functions(X86, {"openat"}, known)
    assert calls.way is backends.Way.FUNCTION_END
    assert calls.hooks == {"__x64_sys_openat": (1, 7), "__ia32_compat_sys_openat": (2, 7)}


@pytest.mark.parametrize(
    ("machine", "event", "names"),
    [
        (X86, "setuid", ["__x64_sys_setuid", "__x64_sys_setuid16", "__ia32_sys_setuid", "__ia32_sys_setuid16"]),
        (X86, "connect", ["__x64_sys_connect", "__ia32_sys_connect", "__ia32_compat_sys_socketcall"]),
        ("aarch64", "fchmodat", ["__arm64_sys_fchmodat", "__arm64_sys_fchmodat2"]),
    ],
)
def test_a_takes_every_function_that_gives_the_event(machine: str, event: str, names: list[str]):
    assert set(backends.by_functions(machine, {event}, functions(*names)).hooks) == set(names)


def test_a_is_not_offered_when_a_caller_would_stay_unseen():
    known = functions("__x64_sys_openat", "__ia32_sys_openat2")
    with pytest.raises(backends.NotOffered, match="__ia32_sys_openat "):
        backends.by_functions(X86, {"openat"}, known)
    with pytest.raises(backends.NotOffered, match="__x64_sys_connect "):
        backends.by_functions(X86, {"connect"}, known)


def test_a_kernel_without_32_bit_calls_has_no_such_functions():
    known = functions("__x64_sys_openat")
    assert set(backends.by_functions(X86, {"openat"}, known).hooks) == {"__x64_sys_openat"}


def test_b_takes_the_names_that_the_kernel_has():
    known = ["sys_exit_umount", "sys_exit_fchmodat", "sys_exit_openat", "sys_exit_close"]
    hooks = backends.by_tracepoints(X86, {"umount2", "fchmodat", "openat", "finit_module"}, known)
    assert set(hooks) == {"sys_exit_umount", "sys_exit_fchmodat", "sys_exit_openat"}
    with pytest.raises(backends.NotOffered):
        backends.by_tracepoints(X86, {"openat"}, [])


@pytest.mark.parametrize("machine", backends.PREFIXES)
def test_every_event_has_a_name_in_the_kernel(machine: str):
    known = [f"sys_exit_{name}" for event in layout.EVENTS for name in backends.names_of(event)]
    ours = set(layout.EVENTS) & set(numbers.NUMBERS[machine].native)
    assert len(backends.by_tracepoints(machine, layout.EVENTS, known)) >= len(ours)


@pytest.mark.parametrize(
    ("version", "dynamic", "model"),
    [
        (DYNAMIC, "none (voluntary) full lazy \n", "voluntary"),
        (DYNAMIC, "(full) lazy\n", "full"),
        (DYNAMIC, "", "unknown without debugfs"),
        ("#1 SMP Debian 5.10.1-1", "", "voluntary"),
        ("#1 SMP PREEMPT Debian 5.10.1-1", "", "full"),
        ("#1 SMP PREEMPT_RT Debian 6.12.1-1", "", "full"),
    ],
)
def test_the_preemption_model(version: str, dynamic: str, model: str):
    assert choosing.preemption(version, dynamic) == model

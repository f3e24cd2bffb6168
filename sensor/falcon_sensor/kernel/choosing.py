"""Which backend this kernel gets: the cheapest it offers that sees every caller, unless a setting names one.

What is read from the kernel (files, types, a program of two instructions on trial) is read here; `backends` holds what
follows from it. All of it takes some milliseconds.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from falcon_sensor.kernel import backends, bpf, btf, pseudofs

Wish = Literal["auto", "a", "b", "c"]

_NOT_PREEMPTED = ("none", "voluntary")
_NOTHING = bytes.fromhex("b7000000000000009500000000000000")
"""A program that returns 0."""
_OTHER_CALLERS = {
    b" entry_INT80_compat\n": "32-bit",
    b" asm_int80_emulation\n": "32-bit",
    b" do_int80_emulation\n": "32-bit",
    b" int80_emulation\n": "32-bit",
    b" x32_sys_call\n": "x32",
    b" x32_sys_call_table\n": "x32",
}
"""Symbols of kernels on x86-64 that take calls by other conventions than their own."""


@dataclass(frozen=True, slots=True)
class Choice:
    """calls: where to attach. why: for people, `nothing cheaper: A: ...; B: ...`."""

    calls: backends.Calls
    why: str


def candidates(wish: Wish, types: btf.Btf, events: Collection[str]) -> Iterator[Choice]:
    """Best first; a later one is for when loading an earlier one fails. Raises backends.NotOffered if the one wished
    for cannot be had."""
    machine = platform.machine()
    if wish != "auto":
        yield Choice(_WAYS[backends.Backend(wish)](types, machine, events), "as set")
        return
    against: list[str] = []
    for backend in (backends.Backend.A, backends.Backend.B):
        try:
            if backend is backends.Backend.B:
                _refuse_blindness()
            yield Choice(_WAYS[backend](types, machine, events), "; ".join(against))
            against.append(f"{backend.upper()}: does not load")
        except backends.NotOffered as reason:
            against.append(f"{backend.upper()}: {reason}")
    yield Choice(backends.Calls(), "; ".join(against))


def _by_functions(types: btf.Btf, machine: str, events: Collection[str]) -> backends.Calls:
    _refuse_preemption()
    ours, others = backends.PREFIXES[machine]
    calls = backends.by_functions(machine, events, types.functions((*ours, *others)))
    try:
        for hook in list(calls.hooks.values())[:1]:
            _try(hook.id)
    except OSError as error:
        raise backends.NotOffered(f"programs cannot be attached to functions here ({error.strerror})") from None
    return calls


def _try(function_id: int) -> None:
    program = bpf.load_program(_NOTHING, "trial", None, bpf.Program.TRACING, bpf.FUNCTION_END, function_id)
    try:
        os.close(bpf.attach_tracing(program))
    finally:
        os.close(program)


def _refuse_preemption() -> None:
    """Programs at the ends of functions can be preempted where the kernel can, and then another task's would write
    into the same scratch memory. With raw tracepoints and tracepoints the kernel itself prevents that."""
    try:
        with pseudofs.opened("debugfs") as debug:
            dynamic = _read(debug / "sched/preempt")
    except OSError:
        dynamic = ""
    model = preemption(platform.version(), dynamic)
    if model not in _NOT_PREEMPTED:
        raise backends.NotOffered(f"programs at functions could be preempted (preemption model: {model})")


def preemption(version: str, dynamic: str) -> str:
    """version: of uname(2), which says how the kernel was built. dynamic: content of sched/preempt in debugfs, where
    the word in parentheses is in force; only kernels that can change their model have it."""
    words = version.split()
    if "PREEMPT_DYNAMIC" in words:
        return dynamic.partition("(")[2].partition(")")[0] or "unknown without debugfs"
    return "full" if {"PREEMPT", "PREEMPT_RT"} & set(words) else "voluntary"


def _by_tracepoints(_: btf.Btf, machine: str, events: Collection[str]) -> backends.Calls:
    try:
        with pseudofs.opened("tracefs") as tracing:
            files = tracing / "events/syscalls"
            hooks = [path.name for path in files.glob("sys_exit_*")]
            wanted = backends.by_tracepoints(machine, events, hooks)
            numbered = {hook: backends.Hook(int((files / hook / "id").read_text())) for hook in wanted}
            return backends.Calls(backends.Backend.B, numbered)
    except OSError as error:
        raise backends.NotOffered(f"tracefs cannot be read ({error.strerror})") from None


@functools.cache
def foreign_callers() -> tuple[str, ...]:
    """Who can make calls here by other conventions than the kernel's own. Takes 0.05 s. Raises OSError."""
    symbols = Path("/proc/kallsyms").read_bytes()
    return tuple(sorted({caller for symbol, caller in _OTHER_CALLERS.items() if symbol in symbols}))


def _refuse_blindness() -> None:
    try:
        others = foreign_callers()
    except OSError:
        raise backends.NotOffered("/proc/kallsyms, which tells who may call, cannot be read") from None
    if others and "ia32_emulation=0" not in _read(Path("/proc/cmdline")):
        raise backends.NotOffered(
            f"tracepoints of calls do not see {' and '.join(others)} callers, who are possible here"
        )


_WAYS: dict[backends.Backend, Callable[[btf.Btf, str, Collection[str]], backends.Calls]] = {
    backends.Backend.A: _by_functions,
    backends.Backend.B: _by_tracepoints,
    backends.Backend.C: lambda types, machine, events: backends.Calls(),
}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

"""Three ways to see wanted system calls return, behind one interface. The same dispatcher runs in all of them and
reads the call's number and arguments from the same registers; only what calls it differs:

    A   the end of the function of each wanted call (fexit)    __x64_sys_openat --+
    B   the tracepoint of each wanted call                     sys_exit_openat  --+--> ev_sys_exit --> stages
    C   one raw tracepoint for all calls                       sys_exit         --+

C is complete on every kernel, and costs each call the test of its number. A costs calls that nobody wants nothing.
B costs them less than C, but the kernel leaves 32-bit callers out of such tracepoints. Execs and io_uring come by raw
tracepoints in all three, which cost other calls nothing either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from falcon_sensor.kernel import numbers


class Backend(StrEnum):
    A = "a"
    B = "b"
    C = "c"


class Way(StrEnum):
    """How a program is attached, which is a type of program, too."""

    RAW_TRACEPOINT = "raw tracepoint"
    TRACEPOINT = "tracepoint"
    FUNCTION_END = "fexit"


_WAYS = {Backend.A: Way.FUNCTION_END, Backend.B: Way.TRACEPOINT, Backend.C: Way.RAW_TRACEPOINT}


class NotOffered(Exception):
    """Why a backend cannot be had here, for people."""


class Hook(NamedTuple):
    """id: of A the function's in BTF, of B the tracepoint's number. prototype: of A, its id."""

    id: int = 0
    prototype: int = 0


@dataclass(frozen=True, slots=True)
class Calls:
    """Where the dispatcher is attached, by name."""

    backend: Backend = Backend.C
    hooks: Mapping[str, Hook] = field(default_factory=lambda: {"sys_exit": Hook()})

    @property
    def way(self) -> Way:
        return _WAYS[self.backend]


PREFIXES = {
    "x86_64": (("__x64_sys_",), ("__ia32_sys_", "__ia32_compat_sys_", "__x32_compat_sys_")),
    "aarch64": (("__arm64_sys_",), ("__arm64_compat_sys_", "__arm64_sys_")),
}
"""What the names of system calls' functions begin with, by machine: of native callers, of others."""

_OTHER_NAMES = {"umount2": ("umount",), "fchmodat": ("fchmodat", "fchmodat2")}
_SHORT_IDS = "16"
"""i386 has calls with user ids of 16 bits beside those it got later, which give the same event."""


def by_functions(machine: str, events: Collection[str], known: Mapping[str, tuple[int, int]]) -> Calls:
    """Backend A. known: ids of all functions, and of their prototypes, whose names begin with one of PREFIXES. Raises
    NotOffered if a wanted call has none."""
    native, compat = numbers.NUMBERS[machine]
    ours, others = PREFIXES[machine]
    found = dict(_functions(_present(events, native), ours, known))
    if any(name.startswith(others) for name in known):
        found |= _functions(_present(_with_socketcall(events), compat), others, known)
    return Calls(Backend.A, found)


def _functions(
    events: Collection[str], prefixes: tuple[str, ...], known: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, Hook]]:
    for event in events:
        names = [prefix + name for prefix in prefixes for name in (*names_of(event), event + _SHORT_IDS)]
        there = [name for name in names if name in known]
        if not there:
            raise NotOffered(f"this kernel has no function {names[0]} that a program could be attached to")
        yield from ((name, Hook(*known[name])) for name in there)


def by_tracepoints(machine: str, events: Collection[str], known: Collection[str]) -> list[str]:
    """Backend B's hooks. known: all tracepoints of calls' returns. A call without one is not in this kernel at all, and
    always fails. Raises NotOffered if there are none."""
    if not known:
        raise NotOffered("this kernel has no tracepoints of system calls")
    wanted = _present(events, numbers.NUMBERS[machine].native)
    hooks = [f"sys_exit_{name}" for event in wanted for name in names_of(event)]
    return [hook for hook in hooks if hook in known]


def names_of(event: str) -> tuple[str, ...]:
    """What the kernel's source calls the calls that give this event."""
    return _OTHER_NAMES.get(event, (event,))


def _present(events: Collection[str], table: Mapping[str, object]) -> list[str]:
    return sorted(table.keys() & set(events))


def _with_socketcall(events: Collection[str]) -> set[str]:
    return {*events, *([numbers.SOCKETCALL] if set(events).intersection(numbers.SOCKETCALLS.values()) else ())}

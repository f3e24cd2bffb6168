"""Which numbers the wanted events have as system calls, per architecture and calling convention.

The dispatcher tests every call's number, so its table is code: a `switch` that the compiler turns
into a few comparisons, not a map lookup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from falcon_sensor.records import layout

SOCKETCALL = "socketcall"
"""32-bit x86 has one call for all socket functions; its first argument tells which."""

_SOCKETCALL_NUMBER = 100  # any number that is no event's
_X32 = 1 << 30


class Numbers(NamedTuple):
    """Call numbers by event; an event may have several. `native` and `compat` are told apart per call."""

    native: dict[str, tuple[int, ...]]
    compat: dict[str, tuple[int, ...]]


NUMBERS = {
    "x86_64": Numbers(
        # The second numbers are x32's, which differ for calls that pass arrays of pointers.
        native={
            "execve": (59, _X32 | 520),
            "execveat": (322, _X32 | 545),
            "open": (2, _X32 | 2),
            "openat": (257, _X32 | 257),
            "openat2": (437, _X32 | 437),
            "creat": (85, _X32 | 85),
            "connect": (42, _X32 | 42),
        },
        compat={
            "execve": (11,),
            "execveat": (358,),
            "open": (5,),
            "openat": (295,),
            "openat2": (437,),
            "creat": (8,),
            "connect": (362,),
            SOCKETCALL: (102,),
        },
    ),
    "aarch64": Numbers(
        native={"execve": (221,), "execveat": (281,), "openat": (56,), "openat2": (437,), "connect": (203,)},
        compat={
            "execve": (11,),
            "execveat": (387,),
            "open": (5,),
            "openat": (322,),
            "openat2": (437,),
            "creat": (8,),
            "connect": (283,),
        },
    ),
}

_EXECS = ("execve", "execveat")


def c_text(machine: str, events: Collection[str]) -> str:
    """Three C functions over call numbers.

    ``ev_is_candidate(number)``: some convention's number of a wanted call. ``ev_wanted_call(compat, number)``:
    FALCON_CALL_* of a wanted call, else 0. ``ev_exec_call(compat, number)``: the same for execs, wanted or not.
    FALCON_CALL_* is the event's index plus one.
    """
    numbers = NUMBERS[machine]
    wanted = set(events) | ({SOCKETCALL} if "connect" in events else set())
    text = [f"#define FALCON_CALL_{name.upper()} {number + 1}" for number, name in enumerate(layout.EVENTS)]
    text.append(f"#define FALCON_CALL_SOCKETCALL {_SOCKETCALL_NUMBER}")
    candidates = sorted({number for table in numbers for name in table if name in wanted for number in table[name]})
    text.append("static __always_inline int ev_is_candidate(u32 number)\n{\n    switch (number) {")
    text += [f"    case {number}:" for number in candidates]
    text.append("        return 1;\n    }\n    return 0;\n}" if candidates else "    }\n    return 0;\n}")
    text += _function("ev_wanted_call", numbers, wanted)
    text += _function("ev_exec_call", numbers, _EXECS)
    return "\n".join(text)


def _function(name: str, numbers: Numbers, events: Collection[str]) -> Iterator[str]:
    yield f"static __always_inline u32 {name}(int compat, u32 number)\n{{"
    for guard, table in (("if (compat)", numbers.compat), ("else", numbers.native)):
        yield f"    {guard} {{\n        switch (number) {{"
        for event, calls in table.items():
            if event in events:
                yield from (f"        case {call}:" for call in calls)
                yield f"            return FALCON_CALL_{event.upper()};"
        yield "        }\n    }"
    yield "    return 0;\n}"

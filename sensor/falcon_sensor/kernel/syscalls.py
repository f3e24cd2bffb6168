"""C text about system calls: which are wanted, and what their registers hold.

The dispatcher tests every call's number, so its table is code: a `switch` that the compiler turns
into a few comparisons, not a map lookup. So are the tables about wanted calls, which hold only
those.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from falcon_sensor.kernel.numbers import NUMBERS, SOCKETCALL, SOCKETCALLS, URING, Numbers
from falcon_sensor.records import calls, layout

__all__ = ["NUMBERS", "SOCKETCALL", "Numbers", "c_text"]

_SOCKETCALL_NUMBER = 0xFFFF  # any number that is no event's

_EXECS = ("execve", "execveat")

NOWHERE = 7
"""Position of no register: always 0."""
DEFAULT = 6
"""Position of a register that a call does not have: AT_FDCWD of names, the result of descriptors."""


def c_text(machine: str, events: Collection[str]) -> str:
    """C functions over call numbers and events.

    ``ev_is_candidate(number)``: some convention's number of a wanted call. ``ev_wanted_call(compat, number)``:
    FALCON_CALL_* of a wanted call, else 0. ``ev_exec_call(compat, number)``: the same for execs, wanted or not.
    FALCON_CALL_* is the event's index plus one. ``ev_socket_call(inner)``: the same for socketcall's first argument,
    ``ev_uring_call(opcode)`` for io_uring's operations.

    ``ev_widths(event)``: a byte for each register, see `_width`. ``ev_places(event)``: four bits for each thing
    that a register may hold, see `_places`.
    """
    numbers = NUMBERS[machine]
    wanted = set(events)
    if wanted.intersection(SOCKETCALLS.values()):
        wanted.add(SOCKETCALL)
    text = [f"#define FALCON_CALL_{name.upper()} {number + 1}" for number, name in enumerate(layout.EVENTS)]
    text.append(f"#define FALCON_CALL_SOCKETCALL {_SOCKETCALL_NUMBER}")
    candidates = sorted({number for table in numbers for name in table if name in wanted for number in table[name]})
    text.append("static __always_inline int ev_is_candidate(u32 number)\n{\n    switch (number) {")
    text += [f"    case {number}:" for number in candidates]
    text.append("        return 1;\n    }\n    return 0;\n}" if candidates else "    }\n    return 0;\n}")
    text += _function("ev_wanted_call", numbers, wanted)
    text += _function("ev_exec_call", numbers, _EXECS)
    known = {number: f"FALCON_CALL_{event.upper()}" for number, event in SOCKETCALLS.items() if event in wanted}
    text += switch("u32 ev_socket_call(u32 inner)", "inner", known)
    known = {number: f"FALCON_CALL_{event.upper()}" for number, event in URING.items() if event in events}
    text += switch("u32 ev_uring_call(u32 opcode)", "opcode", known)
    ours = [event for event in calls.CALLS if event in events]
    text += _by_event("u64 ev_widths(u32 event)", ours, lambda event: f"{_widths(event):#x}ULL")
    text += _by_event("u32 ev_places(u32 event)", ours, lambda event: f"{_places(event):#x}")
    text += _by_event(
        "u32 ev_is_bound(u32 event)", [event for event in ours if calls.CALLS[event].bound], lambda _: "1"
    )
    return "\n".join(text)


def _function(name: str, numbers: Numbers, events: Collection[str]) -> Iterator[str]:
    yield f"static __always_inline u32 {name}(int compat, u32 number)\n{{"
    for guard, table in (("if (compat)", numbers.compat), ("else", numbers.native)):
        yield f"    {guard} {{\n        switch (number) {{"
        for event, found in table.items():
            if event in events:
                yield from (f"        case {call}:" for call in found)
                yield f"            return FALCON_CALL_{event.upper()};"
        yield "        }\n    }"
    yield "    return 0;\n}"


def _by_event(head: str, events: Collection[str], value: Callable[[str], str]) -> Iterator[str]:
    return switch(head, "event", {layout.EVENTS.index(event): value(event) for event in events})


def switch(head: str, key: str, values: dict[int, str]) -> Iterator[str]:
    """A C function that gives a constant for each of a few numbers, and 0 for others."""
    yield f"static __always_inline {head}\n{{\n    switch ({key}) {{"
    yield from (f"    case {number}:\n        return {value};" for number, value in values.items())
    yield "    }\n    return 0;\n}"


def _widths(event: str) -> int:
    registers = calls.CALLS[event].registers
    padded = (*registers, *[calls.Register("", bits=0)] * (calls.ARGUMENTS - len(registers)))
    return sum(_width(register) << 8 * position for position, register in enumerate(padded))


def _width(register: calls.Register) -> int:
    """Bits above the value, 64 where its sign fills them, 128 for a register nobody asks for."""
    return 64 - register.bits | 64 * register.signed if register.bits else 128


_PLACES = {
    calls.Shape.NAMES: (
        (calls.Role.NAME, NOWHERE),
        (calls.Role.DIRECTORY, DEFAULT),
        (calls.Role.SECOND, NOWHERE),
        (calls.Role.SECOND_DIRECTORY, DEFAULT),
    ),
    calls.Shape.DESCRIPTOR: (
        (calls.Role.DESCRIPTOR, DEFAULT),
        (calls.Role.ADDRESS, NOWHERE),
        (calls.Role.LENGTH, NOWHERE),
        (calls.Role.LENGTH_AT, NOWHERE),
        (calls.Role.MESSAGE, NOWHERE),
        (calls.Role.TEXT, NOWHERE),
    ),
    calls.Shape.PLAIN: ((calls.Role.TEXT, NOWHERE),),
}
"""What a program asks of a call's registers, lowest four bits first; and where it looks when there is none."""


def _places(event: str) -> int:
    packed = 0
    for number, (role, otherwise) in enumerate(_PLACES[calls.CALLS[event].shape]):
        found = calls.position(event, role)
        if role is calls.Role.DIRECTORY and event in calls.TARGETS:
            otherwise = NOWHERE
        packed |= (otherwise if found is None else found) << 4 * number
    return packed

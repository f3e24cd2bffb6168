"""From a plan to the C text that the loader compiles.

The text is, in this order: constants and record structs generated from `records.layout`, offsets
of this kernel's structures, the table of wanted system calls, what the programs share, the
plan's filters, and the programs. Programs of kinds that no rule wants are left out. It is compiled in parts (`parts`).
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from falcon_sensor.kernel import backends, numbers, parts, ring, syscalls, tracepoints
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import canary, layout

COUNTERS = ("seen", "records", "bytes", "dropped", "pending_full")
"""What is counted for each kind; `seen` counts events that reached the filter."""

COUNTERS_PER_KIND = 8
WALK_STEPS = 40
"""Path components and mount crossings the kernel follows: what the verifier accepts in reasonable time."""
_CGROUP_STEPS = 16
_BUFFER = 28 * 1024
"""Scratch for one record: the largest is 26,038 bytes, and a per-CPU map value may have 32 KiB."""
_RING_PAGE = 4096

_C_TYPES = {"u8": "u8", "u16": "u16", "u32": "u32", "s32": "s32", "u64": "u64", "s64": "s64"}


@dataclass(frozen=True, slots=True)
class Host:
    """What the C text needs to know about this machine and the sensor.

    machine: as `platform.machine()` names it. sensor_pid and sensor_pidns: the sensor's process id in its
    own pid namespace, and that namespace's inode number. v1_subsystems: numbers of the controllers
    that are in version-1 hierarchies, in the kernel's order.
    """

    machine: str
    sensor_pid: int
    sensor_pidns: int
    v1_subsystems: tuple[int, ...] = ()


class Stage(IntEnum):
    """Parts of the work that several hooks reach by a tail call; see types.bpf.c."""

    OPEN_CALL = 1
    CONNECT_CALL = 2
    EXEC_CALL = 3
    NAMES_CALL = 4
    DESCRIPTOR_CALL = 5
    PLAIN_CALL = 6
    OPEN = 7
    CONNECT = 8
    NAMES = 9
    DESCRIPTOR = 10
    PLAIN = 11
    FINISH = 12


class Place(IntEnum):
    """A hook's own scratch memory; the C text's EV_AT_* in the same order."""

    SYSCALL = 0
    EXEC = 1
    SUBMIT = 2
    COMPLETE = 3
    OVERFLOW = 4


HOST_SENSOR_PID, HOST_SENSOR_PIDNS = 2, 3
"""Where `ev_host` tells who the sensor is. Not in the text: it would be another one at every start."""
CALL_RETURNED = "ev_sys_exit"
STAGES = 16
PLACE_MARK = 0x464C434E
"""Immediate operand that the loader replaces by the number of a place."""

TAILS, CALL_TAILS = "ev_tails", "ev_call_tails"
"""Tables of tail calls, the latter for system calls: programs in one table must be of one type. The code names the
former, whatever place it is for; `install` puts the other one there."""

_CALL_STAGES = {kind: Stage[f"{kind.name}_CALL"] for kind in layout.Kind}
_FILTER_STAGES: dict[layout.Kind, Stage] = {
    kind: Stage[kind.name] for kind in layout.Kind if kind is not layout.Kind.EXEC
}
_FUNCTIONS = {
    **{stage: f"ev_sys_{kind.name.lower()}" for kind, stage in _CALL_STAGES.items()},
    **{stage: f"ev_{kind.name.lower()}" for kind, stage in _FILTER_STAGES.items()},
    Stage.FINISH: "ev_finish",
}


_TOGETHER = (
    ("ev_names", "ev_sys_names", "ev_descriptor", "ev_sys_descriptor", "ev_plain", "ev_sys_plain"),
    ("ev_uring_submit", "ev_uring_complete"),
    ("ev_open", "ev_sys_open"),
    (
        *("ev_find_host", "ev_exec", "ev_prepare_exec", "ev_sys_exec", "ev_finish", CALL_RETURNED, CALL_TAILS),
        *("ev_connect", "ev_sys_connect"),
    ),
)
"""What is compiled together. Each part takes a tenth of a second for being one, so there are not more. With the stable
rules the first two take 0.36 s each and the last two 0.28; two CPUs take them up in this order."""


class Entry(NamedTuple):
    """A function attached to a raw tracepoint. place: for one that serves several."""

    function: str
    place: Place | None = None


class Tail(NamedTuple):
    """A function loaded once for a place and put into a slot of a table of tail calls."""

    function: str
    place: Place
    slot: int

    @property
    def name(self) -> str:
        return f"{self.function}/{self.place.name.lower()}"


@dataclass(frozen=True, slots=True)
class Source:
    """attach: by raw tracepoint's name. calls: where the function CALL_RETURNED is attached, None if no call is
    wanted."""

    text: str
    attach: dict[str, Entry]
    tails: tuple[Tail, ...]
    calls: backends.Calls | None = None

    def parts(self) -> list[str]:
        """The text as it is compiled."""
        return parts.split(self.text, _TOGETHER)


def generate(
    plan: contract.Plan,
    host: Host,
    found: dict[str, int],
    hooks: tracepoints.Hooks,
    ring_bytes: int,
    calls: backends.Calls | None = None,
) -> Source:
    """The whole program. `found` is what `offsets.macros` gave; ring_bytes a power of two, at least a page; calls:
    backend C's if not given."""
    calls = calls or backends.Calls()
    kinds = {layout.KIND_OF[event] for event in plan.events} - {layout.Kind.EXEC}
    called = sorted(kinds | ({layout.Kind.EXEC} if plan.failed_execs else set()))
    operations = plan.events.intersection(numbers.URING.values()) if hooks.uring_submit is not None else ()
    by_uring = {layout.KIND_OF[event] for event in operations}
    uring = bool(by_uring)

    attach = {"sched_process_exec": Entry("ev_exec")}
    if hooks.prepare_exec:
        attach["sched_prepare_exec"] = Entry("ev_prepare_exec")
    if uring:
        attach |= _uring_entries(hooks)

    definitions = _definitions(host, found, ring_bytes) | hooks.definitions()
    definitions["FALCON_BY_TRACEPOINTS"] = int(calls.way is backends.Way.TRACEPOINT)
    if plan.failed_execs:
        definitions["FALCON_FAILED_EXECS"] = 1
    if "f->flags" in plan.filters:
        definitions["FALCON_FILTERS_ASK_FLAGS"] = 1
    if uring:
        definitions |= {f"FALCON_URING_{kind.name}": 1 for kind in by_uring}
    text = [f"#define {name} {value}" for name, value in definitions.items()]
    text += [_v1_subsystems(host)] if host.v1_subsystems else []
    text += [f'#define FALCON_PLACE_MARK "{PLACE_MARK}"', *structs()]
    text.append(syscalls.c_text(host.machine, wanted_calls(plan)))
    text += _call_stages(plan)
    text += map(_program, ("types", "cgroups", "task", "paths", "files", f"registers_{host.machine}"))
    text.append(_program("record"))
    text += [_program("given_args")] if plan.failed_execs else []
    text += [_program("finish"), f'#line 1 "filters"\n{plan.filters}', _program("exec")]
    text += [_program("exec_failed")] if plan.failed_execs else []
    text += [_program("sockets")] if kinds & {layout.Kind.CONNECT, layout.Kind.DESCRIPTOR} else []
    text += [_program("calls")] if kinds - {layout.Kind.OPEN, layout.Kind.CONNECT} else []
    text += [_program(kind.name.lower()) for kind in sorted(kinds)]
    text += [_program("syscalls")] if called else []
    text += map(_program, ("uring_pending", "uring_calls", "uring")) if uring else ()
    tails = tuple(_tails(called, kinds, by_uring, hooks.paired))
    return Source("\n".join(text), attach, tails, calls if called else None)


def _uring_entries(hooks: tracepoints.Hooks) -> dict[str, Entry]:
    assert hooks.uring_submit is not None
    entries = {hooks.uring_submit: Entry("ev_uring_submit")}
    if hooks.paired:
        entries["io_uring_complete"] = Entry("ev_uring_complete", Place.COMPLETE)
        entries["io_uring_cqe_overflow"] = Entry("ev_uring_complete", Place.OVERFLOW)
    return entries


def wanted_calls(plan: contract.Plan) -> set[str]:
    """Events whose system calls the dispatcher must see."""
    return {event for event in plan.events if layout.KIND_OF[event] is not layout.Kind.EXEC or plan.failed_execs}


def _call_stages(plan: contract.Plan) -> Iterator[str]:
    """``ev_call_stage(event)``: the first stage of a wanted call."""
    events = {layout.EVENTS.index(event): event for event in wanted_calls(plan)}
    stages = {number: str(int(_CALL_STAGES[layout.KIND_OF[event]])) for number, event in sorted(events.items())}
    return syscalls.switch("u32 ev_call_stage(u32 event)", "event", stages)


def _tails(
    called: list[layout.Kind], kinds: set[layout.Kind], by_uring: set[layout.Kind], paired: bool
) -> Iterator[Tail]:
    places = [Place.SUBMIT, *([Place.COMPLETE, Place.OVERFLOW] if paired else [])] if by_uring else []
    for kind in called:
        yield _tail(_CALL_STAGES[kind], Place.SYSCALL)
    for kind in sorted(kinds):
        yield _tail(_FILTER_STAGES[kind], Place.SYSCALL)
    for place in places:
        for kind in sorted(by_uring):
            yield _tail(_FILTER_STAGES[kind], place)
    for place in (Place.EXEC, *([Place.SYSCALL] if called else []), *places):
        yield _tail(Stage.FINISH, place)


def _tail(stage: Stage, place: Place) -> Tail:
    return Tail(_FUNCTIONS[stage], place, place * STAGES + stage)


def _program(name: str) -> str:
    path = importlib.resources.files(__package__) / "programs" / f"{name}.bpf.c"
    return f'#line 1 "{name}.bpf.c"\n{path.read_text()}'


def _definitions(host: Host, found: dict[str, int], ring_bytes: int) -> dict[str, int]:
    kinds = max(layout.Kind) + 1
    result = {f"FALCON_{name}": value for name, value in found.items()}
    result["FALCON_DENTRY_SPAN"] = _dentry_span(found)
    result |= {f"FALCON_FLAG_{flag.name}": flag.value for flag in layout.Flag}
    result |= {f"FALCON_KIND_{kind.name}": kind.value for kind in layout.Kind}
    result |= {f"FALCON_EVENT_{name.upper()}": number for number, name in enumerate(layout.EVENTS)}
    result |= {f"FALCON_COUNTER_{name.upper()}": number for number, name in enumerate(COUNTERS)}
    result |= {
        "FALCON_COUNTERS_PER_KIND": COUNTERS_PER_KIND,
        "FALCON_COUNTERS": COUNTERS_PER_KIND * kinds,
        "FALCON_ANCESTORS": layout.ANCESTORS,
        "FALCON_PATH_CAP": layout.PATH_CAP,
        "FALCON_CGROUP_CAP": layout.CGROUP_CAP,
        "FALCON_ARGS_CAP": layout.ARGS_CAP,
        "FALCON_ENV_CAP": layout.ENV_CAP,
        "FALCON_TEXT_CAP": layout.TEXT_CAP,
        "FALCON_STAGES": STAGES,
        "FALCON_WALK_STEPS": WALK_STEPS,
        "FALCON_CGROUP_STEPS": _CGROUP_STEPS,
        "FALCON_BUFFER": _BUFFER,
        "FALCON_COMMON_SLOTS": len(layout.COMMON_BLOBS),
        "FALCON_SLOTS": max(layout.slots(kind) for kind in layout.Kind),
        "FALCON_BASE_SLOT": layout.slot(layout.Kind.OPEN, "base"),
        "FALCON_RING_PAGES": ring_bytes // _RING_PAGE,
        "FALCON_WAKE_PAUSE_NS": ring.WAKE_PAUSE_NS,
        "FALCON_HOST_SENSOR_PID": HOST_SENSOR_PID,
        "FALCON_HOST_SENSOR_PIDNS": HOST_SENSOR_PIDNS,
        "FALCON_CANARY_FLAGS": canary.FLAGS,
    }
    for kind in layout.Kind:
        for slot, blob in enumerate((*layout.COMMON_BLOBS, *layout.BLOBS[kind])):
            result[f"FALCON_{kind.name}_{blob.name.upper()}"] = slot
        result[f"FALCON_{kind.name}_BLOBS"] = layout.blobs_start(kind)
        result[f"FALCON_{kind.name}_SLOTS"] = layout.slots(kind)
    result |= {f"FALCON_STAGE_{stage.name}": stage.value for stage in Stage}
    return result


def _dentry_span(found: dict[str, int]) -> int:
    """Bytes from the first to the end of the last of a dentry's parent, name and length."""
    names = ("DENTRY_PARENT", "DENTRY_NAME", "DENTRY_LENGTH")
    return max(found[name] for name in names) + 8 - min(found[name] for name in names)


def _v1_subsystems(host: Host) -> str:
    return "#define FALCON_V1_SUBSYSTEMS(each) " + " ".join(f"each({number})" for number in host.v1_subsystems)


def structs() -> Iterator[str]:
    """C declarations of all records, each followed by asserts of what `layout` says about it."""
    yield _struct("falcon_head", layout.HEAD)
    yield _struct("falcon_ancestor", layout.ANCESTOR)
    for kind, members in layout.BODIES.items():
        name = kind.name.lower()
        lengths = layout.slots(kind)
        yield _struct(f"falcon_{name}_body", members)
        yield (
            f"struct falcon_{name}_record {{\n"
            f"    struct falcon_head head;\n"
            f"    struct falcon_ancestor ancestors[{layout.ANCESTORS}];\n"
            f"    struct falcon_{name}_body body;\n"
            f"    u16 lengths[{lengths}];\n"
            f"}};\n"
            f"_Static_assert(__builtin_offsetof(struct falcon_{name}_record, lengths) + 2 * {lengths} == "
            f'{layout.blobs_start(kind)}, "{name} record");'
        )


def _struct(name: str, members: tuple[layout.Member, ...]) -> str:
    lines = [f"struct {name} {{"]
    lines += [f"    {_member(member)};" for member in members]
    lines.append("};")
    offset = 0
    for member in members:
        lines.append(f'_Static_assert(__builtin_offsetof(struct {name}, {member.name}) == {offset}, "{member.name}");')
        offset += layout.format_of((member,)).size
    lines.append(f'_Static_assert(sizeof(struct {name}) == {offset}, "{name}");')
    return "\n".join(lines)


def _member(member: layout.Member) -> str:
    if member.ctype == "comm":
        return f"char {member.name}[16]"
    return f"{_C_TYPES[member.ctype]} {member.name}"

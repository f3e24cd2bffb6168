"""One comparison of a rule, as far as the kernel can decide it.

    typed.Comparison + View -> Decision ("may hold", "may not hold")

Only fields named here are decided; every other one, and every comparison with another field or a
transformer, is `UNKNOWN`. The meaning of each field is the engine's (`falcon_sensor.engine.fields`);
where the two could differ the answer here is the wider one.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TypeAlias

from falcon_rules import typed
from falcon_sensor.kernel.plan import arguments, atoms, decisions, descriptors, expression, files, sockets, texts
from falcon_sensor.records import layout

Values: TypeAlias = tuple[typed.Value, ...]
Decide: TypeAlias = Callable[[decisions.View, str | None, str, Values], decisions.Decision]
"""(view, the field's argument, operator, literals)"""

RESULT_FIELDS = frozenset(
    ("evt.res", "evt.rawres", "evt.failed", "evt.count.error", "evt.count.error.other", "fd.num", "fd.connected")
)
"""Fields that tell success from failure; `evt.arg.res` and `evt.rawarg.res` are the same."""

COMM_LENGTH = 15
"""A comm has 16 bytes, the last is NUL: longer literals fit nothing."""

_CAPABILITY_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
    "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
    "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
    "PERFMON BPF CHECKPOINT_RESTORE"
)
CAPABILITIES = tuple(b"CAP_" + name.encode() for name in _CAPABILITY_NAMES.split())
"""In bit order."""

IN_CONTAINER = expression.leaf(atoms.Number("container", ((1, 1),)))
HAS_TTY = expression.leaf(atoms.Number("has_tty", ((1, 1),)))


def decide(comparison: typed.Comparison, view: decisions.View) -> decisions.Decision:
    """What the kernel can say about `comparison` for events of `view`."""
    left, right = comparison.left, comparison.right
    if not isinstance(left, typed.FieldRef) or not isinstance(right, tuple):
        return decisions.UNKNOWN
    handler = _handler(left.name, view.kind)
    if handler is None:
        return decisions.UNKNOWN
    if comparison.modifier is None:
        return handler(view, left.argument, comparison.op, right)
    each = [handler(view, left.argument, comparison.op, (value,)) for value in right]
    if not each:
        return decisions.NEVER
    if comparison.modifier == "allof":
        return decisions.both(each)
    found = decisions.either(each)
    # "Exactly one" implies "at least one"; that it fails says nothing when there are several.
    return found if comparison.modifier == "anyof" or len(each) == 1 else found._replace(fails=expression.TRUE)


def _handler(name: str, kind: layout.Kind) -> Decide | None:
    found = _BY_KIND[kind].get(name) or _COMMON.get(name)
    if found is None and name.startswith("fd.") and _absent(name, kind):
        return _never
    return found


def _absent(name: str, kind: layout.Kind) -> bool:
    """Exec has no descriptor, and an open's is no socket."""
    if kind in (layout.Kind.EXEC, layout.Kind.NAMES, layout.Kind.PLAIN):
        return True
    socket_only = name in _BY_KIND[layout.Kind.CONNECT] and name not in _BY_KIND[layout.Kind.OPEN]
    return kind is layout.Kind.OPEN and socket_only


def _never(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.NEVER


def _event_name(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.chosen(op, values, (decisions.Choice(view.event.encode(), expression.TRUE),))


def _event_is(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.integer(op, values, ((int(view.event == argument), expression.TRUE),))


def _event_number(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`evt.num` counts from 1: `= 0` is the idiom for never, `>= 0` for always."""
    wanted = decisions.wanted_ranges(op, values)
    if wanted is None:
        return decisions.UNKNOWN
    possible = atoms.intersection(wanted, ((1, atoms.HIGHEST),))
    if possible == ((1, atoms.HIGHEST),):
        return decisions.ALWAYS
    return decisions.UNKNOWN if possible else decisions.NEVER


def _result_choices() -> tuple[decisions.Choice, ...]:
    named = [
        decisions.Choice(name.encode(), expression.leaf(atoms.Number("result", ((-number, -number),))))
        for number, name in errno.errorcode.items()
    ]
    unnamed = atoms.complement(atoms.ranges([(-number, -number) for number in errno.errorcode] + [(0, atoms.HIGHEST)]))
    return (
        decisions.Choice(b"SUCCESS", files.SUCCEEDED),
        *named,
        decisions.Choice(decisions.ANYTHING, expression.leaf(atoms.Number("result", unnamed))),
    )


_RESULT_CHOICES = _result_choices()


def _choices(*choices: decisions.Choice) -> Decide:
    return lambda view, argument, op, values: decisions.chosen(op, values, choices)


def _constant(text: bytes) -> Decide:
    return _choices(decisions.Choice(text, expression.TRUE))


def _truth(decision: decisions.Decision) -> Decide:
    return lambda view, argument, op, values: decisions.boolean(op, values, decision)


def _number(fact: str) -> Decide:
    return lambda view, argument, op, values: decisions.number(fact, op, values)


def _simple(decide: Callable[[str, Values], decisions.Decision]) -> Decide:
    return lambda view, argument, op, values: decide(op, values)


def _text(subject: atoms.Subject) -> Decide:
    # A name that can't be made absolute is unavailable, so whether it exists is not known either.
    return lambda view, argument, op, values: texts.compare(subject, op, values)


def _failed(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.integer(op, values, ((1, files.FAILED), (0, files.SUCCEEDED)))


def _tty(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`proc.tty`: the kernel tells none (0) from some."""
    wanted = decisions.wanted_ranges(op, values)
    if wanted is None:
        return decisions.UNKNOWN
    none, some = expression.opposite(HAS_TTY), HAS_TTY
    positive = atoms.intersection(wanted, ((1, atoms.HIGHEST),))
    zero = any(low <= 0 <= high for low, high in wanted)
    every = positive == ((1, atoms.HIGHEST),)
    return decisions.Decision(
        expression.some(*([none] if zero else []), *([some] if positive else [])),
        expression.some(*([] if zero else [none]), *([] if every else [some])),
    )


def _comm(subject: atoms.Subject) -> Callable[[str, Values], decisions.Decision]:
    def compare(op: str, values: Values) -> decisions.Decision:
        if op in ("=", "in", "intersects"):
            values = tuple(value for value in values if isinstance(value, bytes) and len(value) <= COMM_LENGTH)
        # A comm is no path, so components mean nothing there that is worth an automaton's states.
        return decisions.UNKNOWN if op == "pmatch" else texts.compare(subject, op, values)

    return compare


def _name(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return decisions.ALWAYS if op == "exists" else _comm(atoms.Subject.COMM)(op, values)


def _has_ancestor(level: int) -> expression.Expression:
    return expression.leaf(atoms.Number("ancestors", ((level, atoms.HIGHEST),)))


def _ancestor(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`proc.aname[n]`, and `proc.aname` for any of them."""
    if argument is None:
        return _some_ancestor(op, values)
    if not argument.isdigit() or int(argument) > layout.ANCESTORS:
        return decisions.UNKNOWN
    level = int(argument)
    if level == 0:
        return _name(view, None, op, values)
    available = _has_ancestor(level)
    if op == "exists":
        return decisions.exact(available)
    found = _comm(atoms.ancestor(level))(op, values)
    # A pattern that fits says by itself that there is such an ancestor; only the other way round it must be asked.
    if op == "!=" or found.holds == expression.TRUE:
        return decisions.when(available, found)
    return found


def _parent(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return _ancestor(view, "1", op, values)


def _some_ancestor(op: str, values: Values) -> decisions.Decision:
    """True if some ancestor satisfies it, whatever the operator: `!= x` means that one of them is not x."""
    if op == "exists":
        return decisions.exact(_has_ancestor(1))
    if op == "!=":
        return decisions.Decision(_has_ancestor(1), expression.TRUE)
    found = _comm(atoms.Subject.ANY_ANCESTOR)(op, values)
    return decisions.when(_has_ancestor(1), found) if found.holds == expression.TRUE else found


def _capabilities(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`thread.cap_effective`: names in bit order joined by blanks, so a literal without one lies within a name."""
    if op not in ("contains", "icontains") or len(values) != 1 or not isinstance(values[0], bytes):
        return decisions.UNKNOWN
    text = values[0].upper() if op == "icontains" else values[0]
    if not text or b" " in text:
        return decisions.UNKNOWN
    mask = sum(1 << bit for bit, name in enumerate(CAPABILITIES) if text in name)
    return decisions.exact(expression.any_bit("caps_effective", mask))


def _image_flag(flag: layout.Flag) -> Decide:
    """Flags of the executable: the new one's when exec succeeded, else the caller's, which only the cache knows."""
    found = expression.any_bit("flags", flag)
    decision = decisions.Decision(
        expression.some(files.FAILED, found), expression.some(files.FAILED, expression.opposite(found))
    )
    return _truth(decision)


def _exe(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`proc.exepath` of an exec: the new executable, when there is one."""
    found = decisions.ALWAYS if op == "exists" else texts.compare(atoms.Subject.EXE, op, values)
    return decisions.Decision(expression.some(files.FAILED, found.holds), expression.some(files.FAILED, found.fails))


def _open_flags(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    # creat takes no flags; what it counts as having is the engine's affair.
    return decisions.UNKNOWN if view.event == "creat" or argument != "flags" else files.flags(op, values)


def _opened(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    """`fs.path.name`: the path, of successful opens."""
    return decisions.when(files.SUCCEEDED, _text(atoms.Subject.NAME)(view, argument, op, values))


def _argument(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return arguments.text(view.event, argument, op, values)


def _raw_argument(view: decisions.View, argument: str | None, op: str, values: Values) -> decisions.Decision:
    return arguments.raw(view.event, argument, op, values)


_HOST_VALUES: Mapping[str, bytes | None] = {
    "container.id": b"host",
    "container.full_id": b"host",
    "container.name": b"host",
    "container.type": b"host",
    "container.image.repository": b"",
    "container.image.tag": b"",
    **dict.fromkeys(("container.image", "container.image.id", "container.image.digest", "container.privileged")),
    **dict.fromkeys(("container.label", "k8s.pod.label", "k8s.pod.name", "k8s.ns.name", "k8s.pod.id", "k8s.pod.uid")),
}
"""What these fields are on the host, None where they are unavailable there; in containers only the engine knows."""


def _of_container(host: bytes | None) -> Decide:
    # A process with a mount namespace of its own need not be in a container, so "host" is possible with the bit set;
    # and what a runtime has not told yet is unavailable.
    return _choices(
        decisions.Choice(host, expression.TRUE),
        decisions.Choice(decisions.ANYTHING, IN_CONTAINER),
        decisions.Choice(None, IN_CONTAINER),
    )


_COMMON: Mapping[str, Decide] = {
    "evt.type": _event_name,
    "syscall.type": _event_name,
    "evt.type.is": _event_is,
    "evt.num": _event_number,
    "evt.dir": _constant(b"<"),
    "evt.source": _constant(b"syscall"),
    "evt.res": _choices(*_RESULT_CHOICES),
    "evt.rawres": _number("result"),
    "evt.failed": _truth(decisions.exact(files.FAILED)),
    "evt.count.error": _failed,
    **{f"evt.is_open_{what}": _truth(decisions.NEVER) for what in ("read", "write", "exec", "create")},
    "user.uid": _number("uid"),
    "group.gid": _number("gid"),
    "proc.pid": _number("pid"),
    "proc.vpid": _number("vpid"),
    "proc.tty": _tty,
    "proc.name": _name,
    "proc.pname": _parent,
    "proc.aname": _ancestor,
    "thread.cap_effective": _capabilities,
    **{name: _of_container(value) for name, value in _HOST_VALUES.items()},
}

_ARGUMENTS: Mapping[str, Decide] = {"evt.arg": _argument, "evt.rawarg": _raw_argument}

_BY_KIND: Mapping[layout.Kind, Mapping[str, Decide]] = {
    layout.Kind.EXEC: {
        "proc.exepath": _exe,
        "proc.is_exe_upper_layer": _image_flag(layout.Flag.EXE_UPPER_LAYER),
        "proc.is_exe_lower_layer": _image_flag(layout.Flag.EXE_LOWER_LAYER),
        "proc.is_exe_from_memfd": _image_flag(layout.Flag.EXE_MEMFD),
        "proc.is_exe_writable": _image_flag(layout.Flag.EXE_WRITABLE),
    },
    layout.Kind.OPEN: {
        "evt.is_open_read": _truth(files.IS_READ),
        "evt.is_open_write": _truth(files.IS_WRITE),
        "evt.is_open_exec": _truth(files.IS_EXEC),
        "evt.is_open_create": _truth(files.IS_CREATE),
        "evt.arg": _open_flags,
        "fd.num": _simple(files.number),
        "fd.typechar": _choices(*files.TYPE_CHARACTERS),
        "fd.type": _choices(*files.TYPES),
        "fd.name": _text(atoms.Subject.NAME),
        "fd.nameraw": _text(atoms.Subject.RAW),
        "fd.directory": _simple(files.directory),
        "fd.filename": _simple(files.filename),
        "fs.path.name": _opened,
    },
    layout.Kind.CONNECT: {
        "fd.num": _number("fd"),
        "fd.typechar": _choices(*sockets.TYPE_CHARACTERS),
        "fd.type": _choices(*sockets.TYPES),
        "fd.sockfamily": _choices(*sockets.FAMILIES),
        "fd.l4proto": _choices(*sockets.LAYER_4),
        "fd.connected": _truth(sockets.CONNECTED),
        "fd.name_changed": _truth(sockets.NAME_CHANGED),
        **{f"fd.{side}{what}": _simple(sockets.address) for side in "sr" for what in ("ip", "net")},
        **{f"fd.{side}{what}": _simple(sockets.client_address) for side in "cl" for what in ("ip", "net")},
        "fd.ip": _simple(sockets.either_address),
        "fd.net": _simple(sockets.either_address),
        **{f"fd.{side}port": _simple(sockets.port) for side in "sr"},
        **{f"fd.{side}port": _simple(sockets.client_port) for side in "cl"},
        "fd.port": _simple(sockets.either_port),
        **{f"fd.{name}": _never for name in ("directory", "filename", "nameraw", "dev", "ino")},
    },
    layout.Kind.NAMES: _ARGUMENTS,
    layout.Kind.PLAIN: _ARGUMENTS,
    layout.Kind.DESCRIPTOR: {
        **_ARGUMENTS,
        "fd.num": _simple(descriptors.number),
        "fd.typechar": _choices(*descriptors.TYPE_CHARACTERS),
        "fd.type": _choices(*descriptors.TYPES),
        "fd.sockfamily": _choices(*sockets.FAMILIES),
        "fd.l4proto": _choices(*descriptors.LAYER_4),
        "fd.connected": descriptors.connected,
        "fd.name_changed": descriptors.name_changed,
        **{f"fd.s{what}": _simple(descriptors.server(sockets.address)) for what in ("ip", "net")},
        **{f"fd.c{what}": _simple(sockets.client_address) for what in ("ip", "net")},
        **{f"fd.{side}{what}": _simple(descriptors.one_of_two) for side in "rl" for what in ("ip", "net")},
        "fd.ip": _simple(descriptors.either(sockets.either_address)),
        "fd.net": _simple(descriptors.either(sockets.either_address)),
        "fd.sport": _simple(descriptors.server(sockets.port)),
        "fd.cport": _simple(sockets.client_port),
        **{f"fd.{side}port": _simple(descriptors.one_of_two_ports) for side in "rl"},
        "fd.port": _simple(descriptors.either(sockets.either_port)),
    },
}

"""`evt.arg.*`, `evt.rawarg.*` and `evt.args`: the call's arguments, by name or position.

Each argument has a value (`evt.rawarg`), and a text (`evt.arg`): flags and constants by name,
descriptors as `<f>/etc/passwd`, ids as user names, pids as command names, relative paths made
absolute; where there is nothing better the text is the value's. `evt.args` shows both:

    fd=3(<f>/etc/passwd) dirfd=-100(AT_FDCWD) name=/etc/passwd flags=524288(O_RDONLY|O_CLOEXEC)

Flag values are the kernel's own numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from falcon_rules.fields import events
from falcon_sensor.engine import event
from falcon_sensor.engine.fields import fd, kinds, names, proc, registers, sockets, user
from falcon_sensor.engine.fields.registers import Argument
from falcon_sensor.records import calls, decode, layout

EXE_FLAGS = (
    (b"EXE_WRITABLE", layout.Flag.EXE_WRITABLE),
    (b"EXE_UPPER_LAYER", layout.Flag.EXE_UPPER_LAYER),
    (b"EXE_FROM_MEMFD", layout.Flag.EXE_MEMFD),
    (b"EXE_LOWER_LAYER", layout.Flag.EXE_LOWER_LAYER),
)
_EXE_MASK = EXE_FLAGS[0][1] | EXE_FLAGS[1][1] | EXE_FLAGS[2][1] | EXE_FLAGS[3][1]


def _hex(value: int) -> bytes:
    return b"%X" % value


def _login(e: event.Event) -> bytes | None:
    return user.login_name(e) if user.login_uid(e) >= 0 else None


# exec: what was asked for comes from the record, also when it failed


def _argv(e: event.Event) -> list[bytes]:
    return e.record.strings("args")


def _exec_body(read: Callable[[decode.ExecBody], int]) -> Argument:
    return Argument(lambda e: read(e.body) if isinstance(e.body, decode.ExecBody) else None)


def _exe_flags(e: event.Event) -> bytes | None:
    return b"|".join(name for name, flag in EXE_FLAGS if e.head.flags & flag) or None


_EXECVE: Mapping[str, Argument] = {
    "res": registers.RESULT,
    "exe": Argument(lambda e: next(iter(_argv(e)), b"")),
    "args": Argument(lambda e: b" ".join(_argv(e)[1:])),
    "tid": Argument(lambda e: e.head.tid, lambda e: e.record.comm),
    "pid": Argument(lambda e: e.head.pid, lambda e: e.record.comm),
    "ptid": Argument(
        lambda e: p.pid if (p := e.ancestor(1)) else None,
        lambda e: p.comm if (p := e.ancestor(1)) else None,
    ),
    "cwd": Argument(lambda e: e.record.blob("cwd") or None),
    "comm": Argument(lambda e: e.record.comm),
    "cgroups": Argument(proc.cgroups),
    "env": Argument(lambda e: b" ".join(e.record.strings("env"))),
    "tty": Argument(lambda e: e.head.tty),
    "vpgid": Argument(lambda e: e.head.vpgid),
    "loginuid": Argument(user.login_uid, _login),
    "flags": Argument(lambda e: int(e.head.flags & _EXE_MASK), _exe_flags),
    "cap_inheritable": _exec_body(lambda body: body.cap_inheritable),
    "cap_permitted": _exec_body(lambda body: body.cap_permitted),
    "cap_effective": Argument(lambda e: e.head.cap_effective),
    "exe_ino": _exec_body(lambda body: body.exe_ino),
    "exe_ino_ctime": _exec_body(lambda body: body.exe_ctime),
    "exe_ino_mtime": _exec_body(lambda body: body.exe_mtime),
    "uid": Argument(lambda e: e.head.uid, lambda e: e.user.name),
    "trusted_exepath": Argument(lambda e: e.record.blob("exe") or None),
    "pgid": Argument(lambda e: e.head.pgid),
    "gid": Argument(lambda e: e.head.gid, lambda e: e.group.name),
    "filename": Argument(lambda e: e.record.blob("filename") or None),
}

# open


def _dirfd(e: event.Event) -> int | None:
    return e.body.dirfd if isinstance(e.body, decode.OpenBody) else None


def _dirfd_text(e: event.Event) -> bytes | None:
    if _dirfd(e) == event.AT_FDCWD:
        return b"AT_FDCWD"
    base = e.record.blob("base")
    return b"<d>" + base if base else None


def _absolute_name(e: event.Event) -> bytes | None:
    name = e.record.blob("name")
    return None if name.startswith(b"/") else e.given


def _open_flags(e: event.Event) -> bytes:
    found = e.head.flags
    return names.open_flags(
        e.open_flags,
        created=bool(found & layout.Flag.FD_CREATED),
        upper=bool(found & layout.Flag.FD_UPPER_LAYER),
        lower=bool(found & layout.Flag.FD_LOWER_LAYER),
    )


def _open_body(read: Callable[[decode.OpenBody], int], show: Callable[[int], bytes]) -> Argument:
    return Argument(lambda e: read(e.body) if isinstance(e.body, decode.OpenBody) else None, None, show)


_FD = Argument(lambda e: e.head.result, registers.described_fd)
_NAME = Argument(fd.name_as_given, _absolute_name)
_OPEN: Mapping[str, Argument] = {
    "fd": _FD,
    "name": _NAME,
    "flags": Argument(lambda e: e.open_flags, _open_flags),
    "mode": _open_body(lambda body: body.mode, registers.octal),
    "dev": Argument(fd.device, None, _hex),
    "ino": Argument(fd.inode),
}
_OPENAT: Mapping[str, Argument] = {**_OPEN, "dirfd": Argument(_dirfd, _dirfd_text)}

# connect


def _address(e: event.Event) -> bytes | None:
    if e.body is not None and sockets.is_inet(e):
        port = sockets.destination_port(e)
        return sockets.end(sockets.destination(e), port or 0)
    return fd.name(e)


_CONNECT: Mapping[str, Argument] = {
    "res": registers.RESULT,
    "tuple": Argument(sockets.name),
    "fd": Argument(fd.number, registers.described_fd),
    "addr": Argument(_address),
}

ARGUMENTS: Mapping[str, Mapping[str, Argument]] = {
    "execve": _EXECVE,
    "execveat": {name: argument for name, argument in _EXECVE.items() if name != "filename"},
    "open": _OPEN,
    "openat": _OPENAT,
    "openat2": _OPENAT,
    "creat": {name: argument for name, argument in _OPEN.items() if name != "flags"},
    "connect": _CONNECT,
    **{event_type: registers.arguments_of(event_type) for event_type in calls.CALLS},
}


def text_of(argument: Argument, e: event.Event) -> bytes | None:
    """As `evt.arg` gives it."""
    better = argument.text(e) if argument.text is not None else None
    if isinstance(better, bytes):
        return better
    value = argument.value(e)
    return None if value is None else argument.show(value)


def _by_position(name_or_index: str) -> dict[str, Argument]:
    """The argument for each event type that has it."""
    found = {}
    for event_type, known in ARGUMENTS.items():
        name = name_or_index
        if name.isdigit():
            order = events.arguments().get(event_type, ())
            name = order[int(name)][0] if int(name) < len(order) else ""
        if name in known:
            found[event_type] = known[name]
    return found


def _text(argument: str | None) -> kinds.Extractor:
    known = _by_position(argument or "")

    def extract(e: event.Event) -> bytes | None:
        found = known.get(e.type)
        return None if found is None else text_of(found, e)

    return extract


def _raw(argument: str | None) -> kinds.Extractor:
    known = _by_position(argument or "")

    def extract(e: event.Event) -> kinds.Value:
        found = known.get(e.type)
        value = None if found is None else found.value(e)
        # The language's rule: an argument without content is unavailable here, unlike in evt.arg.
        return None if value == b"" else value

    return extract


def arguments(e: event.Event) -> bytes:
    """All of them in the order of the event's definition; those the record does not carry are left out."""
    known = ARGUMENTS[e.type]
    order = [name for name, _ in events.arguments().get(e.type, ())] or list(known)
    shown = []
    for name in order:
        argument = known.get(name)
        value = argument.value(e) if argument is not None else None
        if argument is None or value is None:
            continue
        better = argument.text(e) if argument.text is not None else None
        resolved = b"(" + better + b")" if isinstance(better, bytes) else b""
        shown.append(name.encode() + b"=" + argument.show(value) + resolved)
    return b" ".join(shown)


PLAIN: kinds.Plain = {"evt.args": arguments, "evt.info": arguments}

WITH_ARGUMENT: kinds.WithArgument = {"evt.arg": _text, "evt.rawarg": _raw}


def reason(argument: str | None) -> str | None:
    """Why `evt.arg[argument]` can't be had from any event of this version; None if it can."""
    if argument is None or argument.isdigit() or _by_position(argument):
        return None
    if any(argument == name for event_type in ARGUMENTS for name, _ in events.arguments().get(event_type, ())):
        return f"records do not carry the argument {argument}"
    return f"the argument {argument}: {kinds.OTHER_EVENTS}"

"""`evt.*` without times and arguments: what happened and how it ended."""

from __future__ import annotations

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, names, targets
from falcon_sensor.records import layout

SENDING, RECEIVING = ("sendto", "sendmsg"), ("recvfrom", "recvmsg")

_OTHERS = {
    **dict.fromkeys(
        ("socket", "sendto", "sendmsg", "recvfrom", "recvmsg", "accept", "accept4", "bind", "listen"), b"net"
    ),
    **dict.fromkeys(("dup", "dup2", "dup3"), b"IPC"),
    **dict.fromkeys(("setuid", "setgid", "setresuid", "setresgid", "prctl", "unshare", "setns", "ptrace"), b"process"),
    **dict.fromkeys(("kill", "tkill", "tgkill"), b"signal"),
    **dict.fromkeys(("fchmod", "fchown", "open_by_handle_at"), b"file"),
    **dict.fromkeys(("memfd_create",), b"memory"),
}
_BY_KIND = {
    layout.Kind.EXEC: b"process",
    layout.Kind.OPEN: b"file",
    layout.Kind.CONNECT: b"net",
    layout.Kind.NAMES: b"file",
}
CATEGORIES = {
    event_type: _OTHERS.get(event_type, _BY_KIND.get(kind, b"other")) for event_type, kind in layout.KIND_OF.items()
}

EXECUTE_BITS = 0o111


def result_name(e: event.Event) -> bytes:
    return names.error(e.head.result) if e.failed else b"SUCCESS"


def _errors_of(category: bytes | None) -> kinds.Extractor:
    """`evt.count.error.*`: 1 or 0 for events of the category, unavailable for others; None: those of neither."""

    def extract(e: event.Event) -> int | None:
        found = CATEGORIES[e.type]
        wanted = found not in (b"file", b"net") if category is None else found == category
        return int(e.failed) if wanted else None

    return extract


def _is_open(e: event.Event, *modes: int) -> bool:
    return e.kind is layout.Kind.OPEN and e.open_flags & names.ACCESS_MODE in modes


def _creates(e: event.Event) -> bool:
    return e.kind is layout.Kind.OPEN and bool(
        e.open_flags & names.O_CREAT or e.open_flags & names.O_TMPFILE == names.O_TMPFILE
    )


def is_open_exec(e: event.Event) -> bool:
    return _creates(e) and bool(getattr(e.body, "mode", 0) & EXECUTE_BITS)


def is_open_create(e: event.Event) -> bool:
    """Certain when the kernel says so, or when it had to be new (O_EXCL, O_TMPFILE)."""
    if not _creates(e) or e.failed:
        return False
    flags = e.open_flags
    return bool(e.head.flags & layout.Flag.FD_CREATED or flags & names.O_EXCL or not flags & names.O_CREAT)


def absolute_path(e: event.Event) -> bytes | None:
    """Of the calls that take a directory descriptor; the plain ones have no such path."""
    return e.given if e.type in ("openat", "openat2") else None


PLAIN: kinds.Plain = {
    "evt.num": lambda e: e.number,
    "evt.pluginname": kinds.never,
    "evt.plugininfo": kinds.never,
    "evt.source": kinds.constant(b"syscall"),
    "evt.is_async": kinds.constant(False),
    "evt.asynctype": kinds.never,
    "evt.hostname": lambda e: e.session.hostname,
    "evt.dir": kinds.constant(b"<"),
    "evt.type": lambda e: e.type.encode(),
    "syscall.type": lambda e: e.type.encode(),
    "evt.category": lambda e: CATEGORIES[e.type],
    "evt.buffer": kinds.never,
    "evt.buflen": kinds.never,
    "evt.res": result_name,
    "evt.rawres": lambda e: e.head.result,
    "evt.failed": lambda e: e.failed,
    "evt.is_io": lambda e: e.type in SENDING or e.type in RECEIVING,
    "evt.is_io_read": lambda e: e.type in RECEIVING,
    "evt.is_io_write": lambda e: e.type in SENDING,
    "evt.io_dir": lambda e: b"write" if e.type in SENDING else b"read" if e.type in RECEIVING else None,
    "evt.is_wait": kinds.constant(False),
    "evt.is_syslog": kinds.constant(False),
    "evt.count": kinds.constant(1),
    "evt.count.exit": kinds.constant(1),
    "evt.count.error": lambda e: int(e.failed),
    "evt.count.error.file": _errors_of(b"file"),
    "evt.count.error.net": _errors_of(b"net"),
    "evt.count.error.memory": kinds.never,
    "evt.count.error.other": _errors_of(None),
    "evt.is_open_read": lambda e: _is_open(e, 0, names.O_RDWR),
    "evt.is_open_write": lambda e: _is_open(e, names.O_WRONLY, names.O_RDWR),
    "evt.is_open_exec": is_open_exec,
    "evt.is_open_create": is_open_create,
    "util.cnt": lambda e: e.number,
}


def _type_is(argument: str | None) -> kinds.Extractor:
    return lambda e: int(e.type == argument)


def _abspath(argument: str | None) -> kinds.Extractor:
    named = targets.by_descriptor(argument)
    return lambda e: (absolute_path(e) if argument is None else None) if e.kind is layout.Kind.OPEN else named(e)


WITH_ARGUMENT: kinds.WithArgument = {"evt.type.is": _type_is, "evt.abspath": _abspath}

_TABLES = "it is for tables of many events, not for rules"
MISSING: kinds.Missing = {
    "evt.cpu": "records do not carry the processor",
    "evt.latency.quantized": _TABLES,
    "evt.count.procinfo": _TABLES,
    "evt.count.threadinfo": _TABLES,
    "evt.buflen.in": _TABLES,
    "evt.buflen.out": _TABLES,
    "evt.buflen.file": _TABLES,
    "evt.buflen.file.in": _TABLES,
    "evt.buflen.file.out": _TABLES,
    "evt.buflen.net": _TABLES,
    "evt.buflen.net.in": _TABLES,
    "evt.buflen.net.out": _TABLES,
    "evt.infra.docker.name": _TABLES,
    "evt.infra.docker.container.id": _TABLES,
    "evt.infra.docker.container.name": _TABLES,
    "evt.infra.docker.container.image": _TABLES,
}

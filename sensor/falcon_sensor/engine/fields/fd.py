"""`fd.*` and `fs.path.*` of files, and what files and sockets share.

`fd.name`, `fd.directory` and `fd.filename` go by `event.path`, so that a rule is tried with the
opened and with the given name. A failed open has the name it would have had, and `fd.num` -1.
Exec and calls about names have no descriptor: all of `fd.*` is unavailable. Calls about a descriptor
tell of it what the kernel found at the call's exit.
"""

from __future__ import annotations

import stat

from falcon_sensor.engine import event, paths
from falcon_sensor.engine.fields import kinds, sockets, targets
from falcon_sensor.records import calls, decode, layout
from falcon_sensor.state import ttys

OPEN, DESCRIPTOR = layout.Kind.OPEN, layout.Kind.DESCRIPTOR

_KINDS = {
    stat.S_IFREG: (b"file", b"f"),
    stat.S_IFDIR: (b"directory", b"d"),
    stat.S_IFIFO: (b"pipe", b"p"),
    stat.S_IFCHR: (b"file", b"f"),
    stat.S_IFBLK: (b"file", b"f"),
}
"""By type of the file: the kind of its descriptor and that kind's letter."""

_ANONYMOUS = {
    b"[eventpoll]": (b"eventpoll", b"l"),
    b"[eventfd]": (b"event", b"e"),
    b"[signalfd]": (b"signalfd", b"s"),
    b"[timerfd]": (b"timerfd", b"t"),
    b"inotify": (b"inotify", b"i"),
    b"[pidfd]": (b"pidfd", b"P"),
    b"[userfaultfd]": (b"userfaultfd", b"u"),
    b"[io_uring]": (b"io_uring", b"r"),
    b"bpf-": (b"bpf", b"b"),
}
"""By the beginning of their name: files without a file system."""


def is_result(e: event.Event) -> bool:
    """Whether the event is about the descriptor that the call made."""
    return e.type in calls.CALLS and calls.position(e.type, calls.Role.DESCRIPTOR) is None


def number(e: event.Event) -> int | None:
    if isinstance(e.body, decode.OpenBody):
        return -1 if e.failed else e.head.result
    if isinstance(e.body, decode.DescriptorBody):
        return e.body.fd if e.body.fd >= 0 else None
    return e.body.fd if isinstance(e.body, decode.ConnectBody) else None


def _of_descriptor(e: event.Event, body: decode.DescriptorBody) -> tuple[bytes, bytes] | None:
    """Kind and letter of a descriptor that is no socket; None when it is not open."""
    if not body.ino:
        return None
    path = e.record.blob("path")
    for start, found in _ANONYMOUS.items():
        if path.startswith(start):
            return found
    if path.startswith(b"memfd:"):
        return b"memfd", b"m"
    return _KINDS.get(stat.S_IFMT(body.file_mode), (b"file", b"f"))


def kind(e: event.Event) -> bytes | None:
    """As the reference decides it, by the flags: a directory opened without O_DIRECTORY counts as a file."""
    if e.kind is OPEN:
        return event.DIRECTORY if e.is_directory else event.FILE
    if isinstance(e.body, decode.DescriptorBody) and not e.body.family:
        found = _of_descriptor(e, e.body)
        return found[0] if found else None
    return sockets.kind(e)


def kind_character(e: event.Event) -> bytes | None:
    if e.kind is OPEN:
        return b"d" if e.is_directory and not e.failed else b"f"
    if isinstance(e.body, decode.DescriptorBody) and not e.body.family:
        found = _of_descriptor(e, e.body)
        return found[1] if found else None
    return sockets.kind_character(e)


def _path(e: event.Event) -> bytes | None:
    if e.kind is OPEN:
        return e.path
    if isinstance(e.body, decode.DescriptorBody) and not e.body.family:
        return e.record.blob("path") or None
    return None


def name(e: event.Event) -> bytes | None:
    return sockets.name(e) if sockets.body(e) is not None else _path(e)


def _is_directory(e: event.Event) -> bool:
    if isinstance(e.body, decode.DescriptorBody):
        return stat.S_ISDIR(e.body.file_mode)
    return e.is_directory


def directory(e: event.Event) -> bytes | None:
    path = _path(e)
    if path is None:
        return None
    return path if _is_directory(e) else paths.directory(path)


def filename(e: event.Event) -> bytes | None:
    path = _path(e)
    if path is None or (e.kind is OPEN and e.failed) or _is_directory(e):
        return None
    return paths.filename(path)


def name_as_given(e: event.Event) -> bytes | None:
    return paths.squeeze(e.record.blob("name")) if e.kind is OPEN else None


def identity(e: event.Event) -> bytes | None:
    found = number(e)
    return None if found is None else b"%d%d" % (e.head.tid, found)


def _in_container(read: kinds.Extractor) -> kinds.Extractor:
    def extract(e: event.Event) -> bytes | None:
        value = read(e)
        return e.container.id + b":" + value if isinstance(value, bytes) else None

    return extract


def device(e: event.Event) -> int | None:
    """In the form of stat(2): `FD01` in hex is major 253, minor 1."""
    if isinstance(e.body, decode.DescriptorBody):
        return e.body.dev if e.body.ino else None
    return e.body.dev if isinstance(e.body, decode.OpenBody) and not e.failed else None


def _device_part(part: int) -> kinds.Extractor:
    def extract(e: event.Event) -> int | None:
        found = device(e)
        return None if found is None else ttys.major_minor(found)[part]

    return extract


def inode(e: event.Event) -> int | None:
    if isinstance(e.body, decode.DescriptorBody):
        return e.body.ino or None
    return e.body.ino if isinstance(e.body, decode.OpenBody) and not e.failed else None


def _layer(flag: layout.Flag) -> kinds.Extractor:
    return lambda e: bool(e.head.flags & flag) if e.kind is OPEN else None


PLAIN: kinds.Plain = {
    "fd.num": number,
    "fd.type": kind,
    "fd.typechar": kind_character,
    "fd.name": name,
    "fd.directory": directory,
    "fd.filename": filename,
    "fd.nameraw": name_as_given,
    "fd.uid": identity,
    "fd.containername": _in_container(name),
    "fd.containerdirectory": _in_container(directory),
    "fd.dev": device,
    "fd.dev.major": _device_part(0),
    "fd.dev.minor": _device_part(1),
    "fd.ino": inode,
    "fd.is_upper_layer": _layer(layout.Flag.FD_UPPER_LAYER),
    "fd.is_lower_layer": _layer(layout.Flag.FD_LOWER_LAYER),
    "fs.path.name": lambda e: targets.single(e) if e.kind is not OPEN else None if e.failed else e.path,
    "fs.path.nameraw": lambda e: (
        targets.single_given(e) if e.kind is not OPEN else None if e.failed else name_as_given(e)
    ),
    # Lists of poll-like calls.
    **{f"fdlist.{what}": kinds.never for what in ("nums", "names", "cips", "sips", "cports", "sports")},
}

BY_PATH = frozenset(
    {"fd.name", "fd.directory", "fd.filename", "fd.containername", "fd.containerdirectory", "fs.path.name"}
)
"""What may differ between an opened file's two names; rules without one of these need no second try."""

MISSING: kinds.Missing = {"fd.types": "records do not carry the table of open descriptors"}

"""`fd.*` and `fs.path.*` of files, and what files and sockets share.

`fd.name`, `fd.directory` and `fd.filename` go by `event.path`, so that a rule is tried with the
opened and with the given name. A failed open has the name it would have had, and `fd.num` -1.
Exec has no descriptor: all of `fd.*` is unavailable.
"""

from __future__ import annotations

from falcon_sensor.engine import event, paths
from falcon_sensor.engine.fields import kinds, sockets
from falcon_sensor.records import decode, layout

OPEN = layout.Kind.OPEN


def number(e: event.Event) -> int | None:
    if isinstance(e.body, decode.OpenBody):
        return -1 if e.failed else e.head.result
    return e.body.fd if isinstance(e.body, decode.ConnectBody) else None


def kind(e: event.Event) -> bytes | None:
    """As the reference decides it, by the flags: a directory opened without O_DIRECTORY counts as a file."""
    if e.kind is OPEN:
        return event.DIRECTORY if e.is_directory else event.FILE
    return sockets.kind(e)


def kind_character(e: event.Event) -> bytes | None:
    if e.kind is OPEN:
        return b"d" if e.is_directory and not e.failed else b"f"
    return sockets.kind_character(e)


def name(e: event.Event) -> bytes | None:
    return e.path if e.kind is OPEN else sockets.name(e)


def directory(e: event.Event) -> bytes | None:
    path = e.path
    if path is None or e.kind is not OPEN:
        return None
    return path if e.is_directory else paths.directory(path)


def filename(e: event.Event) -> bytes | None:
    path = e.path
    if path is None or e.kind is not OPEN or e.failed or e.is_directory:
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


def device_numbers(e: event.Event) -> tuple[int, int] | None:
    """(major, minor). Records carry the kernel's own form: 12 bits of major above 20 bits of minor."""
    if not isinstance(e.body, decode.OpenBody) or e.failed:
        return None
    return e.body.dev >> 20, e.body.dev & 0xFFFFF


def device(e: event.Event) -> int | None:
    """In the form that stat(2) and the reference show: `FD01` in hex is major 253, minor 1."""
    numbers = device_numbers(e)
    if numbers is None:
        return None
    major, minor = numbers
    return minor & 0xFF | major << 8 | (minor & 0xFFF00) << 12


def _major(e: event.Event) -> int | None:
    numbers = device_numbers(e)
    return None if numbers is None else numbers[0]


def _minor(e: event.Event) -> int | None:
    numbers = device_numbers(e)
    return None if numbers is None else numbers[1]


def inode(e: event.Event) -> int | None:
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
    "fd.dev.major": _major,
    "fd.dev.minor": _minor,
    "fd.ino": inode,
    "fd.is_upper_layer": _layer(layout.Flag.FD_UPPER_LAYER),
    "fd.is_lower_layer": _layer(layout.Flag.FD_LOWER_LAYER),
    "fs.path.name": lambda e: None if e.failed or e.kind is not OPEN else e.path,
    "fs.path.nameraw": lambda e: None if e.failed else name_as_given(e),
    # Paths of rename, link, symlink and mount: an open has none.
    "fs.path.source": kinds.never,
    "fs.path.sourceraw": kinds.never,
    "fs.path.target": kinds.never,
    "fs.path.targetraw": kinds.never,
    # Lists of poll-like calls.
    **{f"fdlist.{what}": kinds.never for what in ("nums", "names", "cips", "sips", "cports", "sports")},
}

BY_PATH = frozenset(
    {"fd.name", "fd.directory", "fd.filename", "fd.containername", "fd.containerdirectory", "fs.path.name"}
)
"""What may differ between an opened file's two names; rules without one of these need no second try."""

MISSING: kinds.Missing = {"fd.types": "records do not carry the table of open descriptors"}

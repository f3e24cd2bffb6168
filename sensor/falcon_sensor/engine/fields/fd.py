"""`fd.*` and `fs.path.*` of files, and what files and sockets share.

`fd.name`, `fd.directory` and `fd.filename` go by `event.path`, so that a rule is tried with the
opened and with the given name. A failed open has the name it would have had, and `fd.num` -1.
Exec has no descriptor: all of `fd.*` is unavailable.
"""

from __future__ import annotations

from falcon_sensor.engine import event, paths
from falcon_sensor.engine.fields import kinds, sockets
from falcon_sensor.records import decode, layout
from falcon_sensor.state import ttys

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


def device(e: event.Event) -> int | None:
    """In the form of stat(2): `FD01` in hex is major 253, minor 1."""
    return e.body.dev if isinstance(e.body, decode.OpenBody) and not e.failed else None


def _device_part(part: int) -> kinds.Extractor:
    def extract(e: event.Event) -> int | None:
        found = device(e)
        return None if found is None else ttys.major_minor(found)[part]

    return extract


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
    "fd.dev.major": _device_part(0),
    "fd.dev.minor": _device_part(1),
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

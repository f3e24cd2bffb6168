"""A record as the engine sees it: the head at once, everything else when somebody asks.

Most records end at a process cache entry or at a comparison that fails, so ancestors, body and
blobs stay undecoded until read. Lengths are checked once, at the start: a record that passes
`Record(...)` can't fail later.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from falcon_sensor.records import layout


class Head(NamedTuple):
    """`layout.HEAD`, member for member."""

    kind: int
    event: int
    flags: int
    time: int
    result: int
    start: int
    cap_effective: int
    mnt_ns: int
    pid: int
    tid: int
    vpid: int
    vtid: int
    pgid: int
    vpgid: int
    sid: int
    vsid: int
    uid: int
    gid: int
    loginuid: int
    tty: int
    ancestors: int
    reserved: int
    comm: bytes
    image: int = 0
    net_ns: int = 0


class Ancestor(NamedTuple):
    """`layout.ANCESTOR`; `comm` without its padding."""

    start: int
    pid: int
    vpid: int
    comm: bytes


class ExecBody(NamedTuple):
    cap_inheritable: int
    cap_permitted: int
    exe_ino: int
    exe_ctime: int
    exe_mtime: int
    exe_dev: int
    pidns_level: int


class OpenBody(NamedTuple):
    ino: int
    dev: int
    open_flags: int
    mode: int
    dirfd: int


class ConnectBody(NamedTuple):
    fd: int
    family: int
    sock_type: int
    protocol: int
    source_port: int
    dest_port: int
    reserved: int


class NamesBody(NamedTuple):
    argument_0: int
    argument_1: int
    argument_2: int
    argument_3: int
    argument_4: int
    argument_5: int


class DescriptorBody(NamedTuple):
    argument_0: int
    argument_1: int
    argument_2: int
    argument_3: int
    argument_4: int
    argument_5: int
    ino: int
    dev: int
    fd: int
    file_mode: int
    family: int
    sock_type: int
    protocol: int
    source_port: int
    dest_port: int
    reserved: int


class PlainBody(NamedTuple):
    argument_0: int
    argument_1: int
    argument_2: int
    argument_3: int
    argument_4: int
    argument_5: int


Body = ExecBody | OpenBody | ConnectBody | NamesBody | DescriptorBody | PlainBody

_BODY_TYPES: dict[int, type[Body]] = {
    layout.Kind.EXEC: ExecBody,
    layout.Kind.OPEN: OpenBody,
    layout.Kind.CONNECT: ConnectBody,
    layout.Kind.NAMES: NamesBody,
    layout.Kind.DESCRIPTOR: DescriptorBody,
    layout.Kind.PLAIN: PlainBody,
}

_HEAD = layout.format_of(layout.HEAD)
_ANCESTOR = layout.format_of(layout.ANCESTOR)
_ANCESTORS_END = _HEAD.size + layout.ANCESTORS * _ANCESTOR.size


class _Shape(NamedTuple):
    """Where the parts of one kind's records lie; all offsets in bytes from the record's start."""

    body: int
    lengths: int
    blobs: int
    positions: dict[str, int]


def _shape(kind: layout.Kind) -> _Shape:
    names = [blob.name for blob in (*layout.COMMON_BLOBS, *layout.BLOBS[kind])]
    lengths = _ANCESTORS_END + layout.format_of(layout.BODIES[kind]).size
    return _Shape(_ANCESTORS_END, lengths, lengths + 2 * len(names), {name: i for i, name in enumerate(names)})


_SHAPES: dict[int, _Shape] = {kind: _shape(kind) for kind in layout.Kind}
_BODIES = {int(kind): layout.format_of(members) for kind, members in layout.BODIES.items()}
_LENGTHS = {int(kind): layout.lengths_of(kind) for kind in layout.Kind}


class Record:
    """One record. `data` is kept: pass bytes of its own, not a view into the ring.

    Raises ValueError when the data is not a whole record of a known kind.
    """

    # No __slots__: cached properties need the dictionary.
    def __init__(self, data: bytes) -> None:
        if len(data) < _ANCESTORS_END:
            raise ValueError(f"a record of {len(data)} bytes is shorter than any head")
        self.data = data
        self.head = Head._make(_HEAD.unpack_from(data))
        shape = _SHAPES.get(self.head.kind)
        if shape is None:
            raise ValueError(f"unknown record kind {self.head.kind}")
        if self.head.event >= len(layout.EVENTS) or self.head.ancestors > layout.ANCESTORS:
            raise ValueError(f"record head out of range: {self.head}")
        if layout.KIND_OF[layout.EVENTS[self.head.event]] != self.head.kind:
            raise ValueError(f"{layout.EVENTS[self.head.event]} is no event of kind {layout.Kind(self.head.kind).name}")
        if len(data) < shape.blobs:
            raise ValueError(f"a {layout.Kind(self.head.kind).name} record of {len(data)} bytes is too short")
        self._shape = shape
        if shape.blobs + sum(self._lengths) > len(data):
            raise ValueError("blobs reach beyond the record's end")

    @property
    def kind(self) -> layout.Kind:
        return layout.Kind(self.head.kind)

    @property
    def event(self) -> str:
        """The event type's name, one of `layout.EVENTS`."""
        return layout.EVENTS[self.head.event]

    @cached_property
    def comm(self) -> bytes:
        return self.head.comm.rstrip(b"\0")

    @cached_property
    def ancestors(self) -> tuple[Ancestor, ...]:
        """Nearest first, at most `layout.ANCESTORS`."""
        found = []
        for position in range(self.head.ancestors):
            start, pid, vpid, comm = _ANCESTOR.unpack_from(self.data, _HEAD.size + position * _ANCESTOR.size)
            found.append(Ancestor(start, pid, vpid, comm.rstrip(b"\0")))
        return tuple(found)

    @cached_property
    def body(self) -> Body:
        """`ExecBody`, `OpenBody`, ..., by kind."""
        return _BODY_TYPES[self.head.kind]._make(_BODIES[self.head.kind].unpack_from(self.data, self._shape.body))

    def argument(self, position: int) -> int:
        """A register of the call, as `calls.CALLS` says; for kinds that carry them (NAMES, DESCRIPTOR, PLAIN)."""
        return int(self.body[position])

    def blob(self, name: str) -> bytes:
        """The named blob of this kind, not cached. Raises KeyError for a name the kind lacks."""
        index = self._shape.positions[name]
        start = self._shape.blobs + sum(self._lengths[:index])
        return self.data[start : start + self._lengths[index]]

    def strings(self, name: str) -> list[bytes]:
        """A blob of NUL-terminated strings (`args`, `env`) as a list; a cut last one is kept as it is."""
        blob = self.blob(name)
        return blob.removesuffix(b"\0").split(b"\0") if blob else []

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return _LENGTHS[self.head.kind].unpack_from(self.data, self._shape.lengths)


def encode(
    kind: layout.Kind, head: Head, ancestors: tuple[Ancestor, ...], body: Body, blobs: dict[str, bytes]
) -> bytes:
    """The bytes of such a record, as the kernel would ship it: for replays and tests of what reads records.

    `blobs` may leave names out (empty); over-long ones are cut at their cap.
    """
    parts = [_HEAD.pack(*head._replace(kind=kind, ancestors=len(ancestors)))]
    parts += [_ANCESTOR.pack(*ancestor) for ancestor in ancestors]
    parts.append(bytes((layout.ANCESTORS - len(ancestors)) * _ANCESTOR.size))
    parts.append(_BODIES[kind].pack(*body))
    declared = (*layout.COMMON_BLOBS, *layout.BLOBS[kind])
    unknown = blobs.keys() - {blob.name for blob in declared}
    if unknown:
        raise KeyError(f"{kind.name} records have no blob {', '.join(sorted(unknown))}")
    contents = [blobs.get(blob.name, b"")[: blob.cap] for blob in declared]
    parts.append(_LENGTHS[kind].pack(*map(len, contents)))
    return b"".join(parts + contents)

"""From the facts that the kernel's filter sees to the record that the engine would get of the same event."""

from __future__ import annotations

from tests.sensor.support import heads

from falcon_sensor.kernel.plan import interpret
from falcon_sensor.records import decode, layout

SECOND = 1_000_000_000
CONTAINER = b"/docker/0123456789ab" + b"c" * 52


def record(facts: interpret.Facts, base: bytes = b"") -> decode.Record:
    """base: where a relative name starts, for opens that failed."""
    kind = layout.KIND_OF[facts.event]
    flags = facts.flags | (layout.Flag.CONTAINER if facts.container else 0)
    if len(facts.ancestors) > layout.ANCESTORS:
        flags |= layout.Flag.MANY_ANCESTORS
    above = tuple(
        decode.Ancestor((80 - level) * SECOND, 9000 + level, 9000 + level, comm)
        for level, comm in enumerate(facts.ancestors[: layout.ANCESTORS])
    )
    head = heads.head(
        facts.event,
        pid=facts.pid,
        flags=flags,
        time=100 * SECOND,
        result=facts.result,
        start=90 * SECOND,
        cap_effective=facts.caps_effective,
        mnt_ns=1,
        **dict.fromkeys(("vpid", "vtid", "vpgid", "vsid"), facts.vpid),
        uid=facts.uid,
        gid=facts.gid,
        tty=0x8801 if facts.has_tty else 0,
        ancestors=len(above),
        comm=facts.comm,
    )
    body: decode.Body
    blobs = {"cgroup": CONTAINER if facts.container else b"/"}
    if kind is layout.Kind.EXEC:
        body = decode.ExecBody(0, 0, 7, 0, 0, 0, 0)
        blobs |= {"filename": facts.name, "exe": facts.path, "args": b"sh\0-c\0"}
    elif kind is layout.Kind.OPEN:
        body = decode.OpenBody(7 if facts.path else 0, 0, facts.open_flags, facts.mode, -100)
        relative = facts.result < 0 and not facts.name.startswith(b"/")
        blobs |= {"name": facts.name, "path": facts.path, "base": base if relative else b""}
    elif kind is layout.Kind.NAMES:
        body = decode.NamesBody(*facts.arguments)
        blobs |= {"name": facts.name, "second": facts.path}
        blobs |= {blob: base for blob, name in (("base", facts.name), ("second_base", facts.path)) if name[:1] != b"/"}
    elif kind is layout.Kind.PLAIN:
        body = decode.PlainBody(*facts.arguments)
    elif kind is layout.Kind.DESCRIPTOR:
        file = (7, 8, facts.fd, 0o100644)
        socket = (facts.family, facts.sock_type, facts.protocol, facts.source_port, facts.dest_port, 0)
        body = decode.DescriptorBody._make((*facts.arguments, *file, *socket))
        length = {2: 4, 10: 16}.get(facts.family, 0)
        blobs |= {"source": facts.source[:length], "destination": facts.destination[:length], "path": b"/tmp/a"}
    else:
        ports = (facts.source_port, facts.dest_port)
        body = decode.ConnectBody(facts.fd, facts.family, facts.sock_type, facts.protocol, *ports, 0)
        length = {2: 4, 10: 16}.get(facts.family, 0)
        blobs |= {"source": facts.source[:length], "destination": facts.destination[:length]}
    return decode.Record(decode.encode(kind, head, above, body, blobs))

"""`fd.*` of sockets: the ends of a connection.

The caller of connect is the client: client and local are the source, server and remote the
destination. An IPv4 address written the IPv6 way (`::ffff:1.2.3.4`) is that IPv4 address, for the
kernel as for rules; else any rule about addresses could be walked around.
"""

from __future__ import annotations

import errno
import functools
import socket

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, names
from falcon_sensor.records import decode

MAPPED = bytes(10) + b"\xff\xff"
"""First twelve bytes of an IPv4 address in IPv6 form."""

INET = (names.AF_INET, names.AF_INET6)


def body(e: event.Event) -> decode.ConnectBody | None:
    return e.body if isinstance(e.body, decode.ConnectBody) else None


def is_inet(e: event.Event) -> bool:
    found = body(e)
    return found is not None and found.family in INET


def _address(e: event.Event, blob: str) -> bytes | None:
    if not is_inet(e):
        return None
    address = e.record.blob(blob)
    if len(address) == 16:
        return address[12:] if address.startswith(MAPPED) else address
    return address if len(address) == 4 else None


def source(e: event.Event) -> bytes | None:
    return _address(e, "source")


def destination(e: event.Event) -> bytes | None:
    return _address(e, "destination")


def source_port(e: event.Event) -> int | None:
    found = body(e)
    return found.source_port if found is not None and is_inet(e) else None


def destination_port(e: event.Event) -> int | None:
    found = body(e)
    return found.dest_port if found is not None and is_inet(e) else None


def kind(e: event.Event) -> bytes | None:
    return {b"4": b"ipv4", b"6": b"ipv6", b"u": b"unix"}.get(kind_character(e) or b"")


def kind_character(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return None
    if found.family in INET:
        address = destination(e)
        return b"4" if len(address or b"") == 4 or (address is None and found.family == names.AF_INET) else b"6"
    return b"u" if found.family == names.AF_UNIX else b"o"


def unix_path(e: event.Event) -> bytes:
    """`/run/x.sock`; abstract names with `@` for their NUL, as tools print them."""
    path = e.record.blob("unix_path")
    return b"@" + path[1:] if path.startswith(b"\0") else path.partition(b"\0")[0]


def end(address: bytes | None, port: int) -> bytes:
    """`1.2.3.4:5`, `::1:5` (the reference puts no brackets around IPv6); an end not known yet has no address."""
    if address is None:
        return b":%d" % port
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, address).encode() + b":%d" % port


def name(e: event.Event) -> bytes | None:
    """`client:port->server:port`, or the path of a Unix socket."""
    found = body(e)
    if found is None:
        return None
    if found.family == names.AF_UNIX:
        return unix_path(e)
    if found.family not in INET:
        return None
    client, server = source(e), destination(e)
    if server is None:
        return None
    if client is None:
        # Not bound: the call failed before the kernel chose an address.
        client = bytes(len(server))
    return end(client, found.source_port) + b"->" + end(server, found.dest_port)


def layer4(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return None
    return names.protocol(found.sock_type, found.protocol) if found.family in INET else b"<NA>"


def family(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return None
    if found.family in INET:
        return b"ip"
    return b"unix" if found.family == names.AF_UNIX else None


def connected(e: event.Event) -> bool | None:
    return None if body(e) is None else e.head.result == 0


def name_changed(e: event.Event) -> bool | None:
    """A connect that is on its way gives its socket the name it has from now on."""
    if body(e) is None:
        return None
    return is_inet(e) and e.head.result in (0, -errno.EINPROGRESS)


@functools.lru_cache(maxsize=1024)
def service(port: int) -> bytes:
    """Well-known name of a port on this machine, else its number."""
    try:
        return socket.getservbyport(port).encode()
    except OSError:
        return b"%d" % port


def _service(read: kinds.Extractor) -> kinds.Extractor:
    def extract(e: event.Event) -> bytes | None:
        port = read(e)
        return service(port) if isinstance(port, int) else None

    return extract


def _both(first: kinds.Extractor, second: kinds.Extractor) -> kinds.Extractor:
    def extract(e: event.Event) -> kinds.Value:
        ends = tuple(value for value in (first(e), second(e)) if value is not None)
        return ends or None

    return extract


_ADDRESSES = _both(source, destination)
_PORTS = _both(source_port, destination_port)

PLAIN: kinds.Plain = {
    "fd.ip": _ADDRESSES,
    "fd.net": _ADDRESSES,
    "fd.port": _PORTS,
    "fd.proto": _PORTS,
    **{f"fd.{side}{what}": source for side in "cl" for what in ("ip", "net")},
    **{f"fd.{side}{what}": destination for side in "sr" for what in ("ip", "net")},
    **{f"fd.{side}port": source_port for side in "cl"},
    **{f"fd.{side}port": destination_port for side in "sr"},
    **{f"fd.{side}proto": _service(source_port) for side in "cl"},
    **{f"fd.{side}proto": _service(destination_port) for side in "sr"},
    "fd.l4proto": layer4,
    "fd.sockfamily": family,
    # Whoever connects is the client.
    "fd.is_server": lambda e: None if body(e) is None else False,
    "fd.connected": connected,
    "fd.name_changed": name_changed,
}

MISSING: kinds.Missing = {
    f"fd.{side}ip.name": "this sensor does not look host names up: an answer from outside must not decide a rule"
    for side in "cslr"
}

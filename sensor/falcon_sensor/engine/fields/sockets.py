"""`fd.*` of sockets: the ends of a connection.

Records have the client's end as source and the server's as destination. Which of them is the
local one depends on who acts: the caller of connect is the client, that of accept the server. An
IPv4 address written the IPv6 way (`::ffff:1.2.3.4`) is that IPv4 address, for the kernel as for
rules; else any rule about addresses could be walked around.
"""

from __future__ import annotations

import errno
import functools
import socket

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds, names
from falcon_sensor.records import decode, layout

MAPPED = bytes(10) + b"\xff\xff"
"""First twelve bytes of an IPv4 address in IPv6 form."""

INET = (names.AF_INET, names.AF_INET6)


FAR = layout.Flag.FD_CONNECTED | layout.Flag.FD_ADDRESSED
"""Something is known of the far end."""


def body(e: event.Event) -> decode.ConnectBody | decode.DescriptorBody | None:
    """None for what is no socket."""
    if isinstance(e.body, decode.DescriptorBody):
        return e.body if e.body.family else None
    return e.body if isinstance(e.body, decode.ConnectBody) else None


def is_server(e: event.Event) -> bool:
    """Whether the socket's own end is the server's; whoever connects is the client."""
    return e.kind is layout.Kind.DESCRIPTOR and bool(e.head.flags & layout.Flag.FD_SERVER)


def _has_client(e: event.Event) -> bool:
    if e.kind is not layout.Kind.DESCRIPTOR or e.head.flags & FAR:
        return True
    found = body(e)
    return not is_server(e) and found is not None and found.source_port != 0


def _has_server(e: event.Event) -> bool:
    return e.kind is not layout.Kind.DESCRIPTOR or bool(e.head.flags & (FAR | layout.Flag.FD_SERVER))


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
    return _address(e, "source") if _has_client(e) else None


def destination(e: event.Event) -> bytes | None:
    return _address(e, "destination") if _has_server(e) else None


def source_port(e: event.Event) -> int | None:
    found = body(e)
    return found.source_port if found is not None and is_inet(e) and _has_client(e) else None


def destination_port(e: event.Event) -> int | None:
    found = body(e)
    return found.dest_port if found is not None and is_inet(e) and _has_server(e) else None


def kind(e: event.Event) -> bytes | None:
    return {b"4": b"ipv4", b"6": b"ipv6", b"u": b"unix"}.get(kind_character(e) or b"")


def kind_character(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return None
    if found.family in INET:
        address = _address(e, "destination")
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
    if e.kind is layout.Kind.DESCRIPTOR and (server is None or client is None):
        # One end only: what listens, or has no peer yet.
        return end(server, found.dest_port) if server is not None else b""
    if server is None:
        return None
    if client is None:
        # Not bound: the call failed before the kernel chose an address.
        client = bytes(len(server))
    return end(client, found.source_port) + b"->" + end(server, found.dest_port)


def layer4(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return b"<NA>" if isinstance(e.body, decode.DescriptorBody) and e.body.ino else None
    return names.protocol(found.sock_type, found.protocol) if found.family in INET else b"<NA>"


def family(e: event.Event) -> bytes | None:
    found = body(e)
    if found is None:
        return None
    if found.family in INET:
        return b"ip"
    return b"unix" if found.family == names.AF_UNIX else None


def connected(e: event.Event) -> bool | None:
    if body(e) is None:
        return None
    if e.kind is layout.Kind.DESCRIPTOR:
        return bool(e.head.flags & layout.Flag.FD_CONNECTED)
    return e.head.result == 0


def name_changed(e: event.Event) -> bool | None:
    """A connect that is on its way gives its socket the name it has from now on.

    So do accept and bind that succeed, and every datagram to or from an address of its own: whether the one before
    had the same is not known here.
    """
    if body(e) is None:
        return None
    if e.kind is layout.Kind.DESCRIPTOR:
        named = not e.failed if e.type in NAMING else bool(e.head.flags & layout.Flag.FD_ADDRESSED)
        return is_inet(e) and named
    return is_inet(e) and e.head.result in (0, -errno.EINPROGRESS)


NAMING = ("accept", "accept4", "bind")


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


def _side(mine: kinds.Extractor, other: kinds.Extractor) -> kinds.Extractor:
    """`mine` for whoever is the client, `other` for a server."""
    return lambda e: other(e) if is_server(e) else mine(e)


_ADDRESSES = _both(source, destination)
_PORTS = _both(source_port, destination_port)
_LOCAL, _REMOTE = _side(source, destination), _side(destination, source)
_LOCAL_PORT, _REMOTE_PORT = _side(source_port, destination_port), _side(destination_port, source_port)

_ADDRESS_OF = {"c": source, "s": destination, "l": _LOCAL, "r": _REMOTE}
_PORT_OF = {"c": source_port, "s": destination_port, "l": _LOCAL_PORT, "r": _REMOTE_PORT}

PLAIN: kinds.Plain = {
    "fd.ip": _ADDRESSES,
    "fd.net": _ADDRESSES,
    "fd.port": _PORTS,
    "fd.proto": _PORTS,
    **{f"fd.{side}{what}": read for side, read in _ADDRESS_OF.items() for what in ("ip", "net")},
    **{f"fd.{side}port": read for side, read in _PORT_OF.items()},
    **{f"fd.{side}proto": _service(read) for side, read in _PORT_OF.items()},
    "fd.l4proto": layer4,
    "fd.sockfamily": family,
    "fd.is_server": lambda e: None if body(e) is None else is_server(e),
    "fd.connected": connected,
    "fd.name_changed": name_changed,
}


def _host(read: kinds.Extractor) -> kinds.Maker:
    """Without argument the name known for the address; with a name whether the address is one of that host's."""

    def make(argument: str | None) -> kinds.Extractor:
        host = None if argument is None else argument.encode("utf-8", "surrogateescape")

        def extract(e: event.Event) -> kinds.Value:
            address = read(e)
            if not isinstance(address, bytes):
                return None
            hosts = e.session.state.hosts
            if host is None:
                return hosts.name_of(address)
            found = hosts.addresses(host)
            return (address in found) if found else None

        return extract

    return make


WITH_ARGUMENT: kinds.WithArgument = {f"fd.{side}ip.name": _host(read) for side, read in _ADDRESS_OF.items()}
"""See `engine.naming` for where the argument comes from."""

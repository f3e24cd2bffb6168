"""How messages travel: one class for each kind of socket. All methods may block, for bounded times.

OSError from any of them: the link is of no use any more. `unread` is how many bytes of those sent
the other side's kernel has yet to take; where only "none" and "some" can be told apart, some is as
much as was ever sent.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import termios
from typing import Protocol

from falcon_sensor.outputs.syslog import address

_SEND_BUFFER = 1 << 20
"""Bytes a local daemon's socket takes while the daemon is busy; the kernel's bound may be lower."""
ALL = 1 << 62
"""More than is ever sent."""


class Link(Protocol):
    sure: bool
    """What `send` took has arrived."""

    def send(self, message: bytes) -> int:
        """Hands a message to the kernel, whole. Returns how many bytes that were."""

    def unread(self) -> int: ...

    def check(self) -> None:
        """Raises OSError when the other side has gone."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class Context(Protocol):
    """What `ssl.SSLContext` is; importing it costs 8 MB, which only TLS shall pay."""

    def wrap_socket(self, sock: socket.socket, *, server_hostname: str) -> socket.socket: ...


class Datagrams:
    """UDP and datagram sockets of local daemons, which are `sure`: a message is a datagram."""

    def __init__(self, sock: socket.socket, *, sure: bool) -> None:
        self.sure = sure
        self._socket = sock

    def send(self, message: bytes) -> int:
        return self._socket.send(message)

    def unread(self) -> int:
        return 0

    def check(self) -> None:
        # What came back about datagrams sent before: nobody listens (ICMP).
        if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class Stream:
    """TCP (octet counting) and stream sockets of local daemons (messages end with a zero byte, as the C library
    has it). exact: the kernel counts bytes as we do, which it does not for local sockets and TLS."""

    sure = False

    def __init__(self, sock: socket.socket, *, counted: bool, exact: bool) -> None:
        self._socket = sock
        self._counted, self._exact = counted, exact
        self._timeout = sock.gettimeout()

    def send(self, message: bytes) -> int:
        framed = b"%d %s" % (len(message), message) if self._counted else message + b"\0"
        # Not sendall, whose timeout is for the whole: only a receiver that takes nothing at all is given up.
        view = memoryview(framed)
        while view:
            view = view[self._socket.send(view) :]
        return len(framed)

    def unread(self) -> int:
        data = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        (count,) = struct.unpack("i", data)
        return int(count) if self._exact or not count else ALL

    def check(self) -> None:
        """Syslog receivers never answer, so whatever can be read is the end (or TLS's own housekeeping)."""
        if not select.select([self._socket], [], [], 0)[0]:
            return
        self._socket.settimeout(0)
        try:
            if not self._socket.recv(4096):
                raise ConnectionResetError(errno.ECONNRESET, "it closed the connection")
        except BlockingIOError:
            return
        except OSError as error:
            # By name, as in `Context`.
            if type(error).__name__ != "SSLWantReadError":
                raise
        finally:
            self._socket.settimeout(self._timeout)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def connect(to: address.Address, context: Context | None, connecting: float, sending: float) -> Link:
    """connecting, sending: seconds. OSError when there is no way."""
    if to.kind == "unix":
        return _local(to.path, sending)
    if to.kind == "udp":
        family, kind, protocol, _, place = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        return Datagrams(_connected(sock, place, sending), sure=False)
    sock = socket.create_connection((to.host, to.port), connecting)
    if context is not None:
        plain = sock
        try:
            sock = context.wrap_socket(plain, server_hostname=to.host)
        except BaseException:
            plain.close()
            raise
    sock.settimeout(sending)
    return Stream(sock, counted=True, exact=context is None)


def _local(path: str, sending: float) -> Link:
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        return Datagrams(_connected(sock, path, sending), sure=True)
    except OSError as error:
        if error.errno != errno.EPROTOTYPE:
            raise
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    return Stream(_connected(sock, path, sending), counted=False, exact=False)


def _connected(sock: socket.socket, place: object, sending: float) -> socket.socket:
    try:
        sock.settimeout(sending)
        sock.connect(place)  # type: ignore[arg-type]
    except BaseException:
        sock.close()
        raise
    return sock

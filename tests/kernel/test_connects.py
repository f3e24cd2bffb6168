"""What a connect record says about both ends."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel


def test_refused(act):
    record = act("connect", 1, 1).one("connect")
    assert record.head.result == -errno.ECONNREFUSED
    assert (record.blob("destination"), record.body.dest_port) == (bytes([127, 0, 0, 1]), 1)


def test_in_progress(act):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        record = act("connect_nonblocking", 1, port).one("connect")
    assert record.head.result == -errno.EINPROGRESS
    assert (record.blob("destination"), record.body.dest_port) == (bytes([127, 0, 0, 1]), port)
    assert record.body.source_port


def test_datagrams(act):
    record = act("connect_udp", 1, 53).one("connect")
    assert (record.body.sock_type, record.body.protocol) == (socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    assert record.body.dest_port == 53


def test_ipv6(act):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        record = act("connect6", 1, port, "plain").one("connect")
    assert record.body.family == socket.AF_INET6
    assert record.blob("destination") == record.blob("source") == bytes(15) + b"\1"
    assert record.body.dest_port == port


def test_ipv4_address_mapped_into_ipv6_is_ipv4(act):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        record = act("connect6", 1, port, "mapped").one("connect")
    assert record.head.result == 0
    assert record.body.family == socket.AF_INET
    assert record.blob("destination") == record.blob("source") == bytes([127, 0, 0, 1])


@pytest.mark.parametrize("listening", [True, False])
def test_unix_path(act, tmp_path: Path, listening: bool):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        if listening:
            server.bind(str(path))
            server.listen()
        record = act("connect_unix", 1, path).one("connect")
    assert record.head.result == (0 if listening else -errno.ENOENT)
    assert record.body.family == socket.AF_UNIX
    assert record.blob("unix_path") == bytes(path)
    assert record.blob("destination") == b""


def test_unix_abstract_name(act):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0falcon-test")
        server.listen()
        record = act("connect_unix", 1, "@falcon-test").one("connect")
    assert record.head.result == 0
    assert record.blob("unix_path") == b"\0falcon-test"

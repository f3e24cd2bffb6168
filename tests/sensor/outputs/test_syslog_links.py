"""What rsyslog does not show: local stream sockets, connections that break in the middle."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest
from tests.sensor.outputs.support import examples

from falcon_sensor.outputs import build, unconfirmed
from falcon_sensor.settings import feeds, model, receivers

QUICK = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)


@pytest.fixture
def syslog():
    made = []

    def make(address):
        settings = model.Settings(
            stdout_output=model.StdoutOutput(enabled=False),
            json_output=True,
            syslog_output=feeds.SyslogOutput(enabled=True, address=address, retry=QUICK, structured_data=False),
        )
        made.append(build.outputs(settings).outputs)
        return made[-1]

    yield make
    for each in made:
        each.close(0)


def number(message: bytes) -> int:
    """Of the alert: the uuid stands last in its JSON."""
    return int(message.rstrip(b'"}')[-12:])


def test_a_local_stream_socket_gets_messages_that_end_with_zero(tmp_path, syslog):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "log"))
        server.listen()
        server.settimeout(30)
        outputs = syslog(f"unix://{tmp_path}/log")
        for count in range(20):
            outputs.put(examples.alert(count))
        connection, _ = server.accept()
        connection.settimeout(30)
        data = b""
        while data.count(b"\0") < 20:
            data += connection.recv(1 << 16)
        connection.close()
    *whole, rest = data.split(b"\0")
    assert [number(each) for each in whole] == list(range(20))
    assert rest == b""


class Breaking:
    """Reads some bytes of a connection and resets it, each time more, until one is left alone."""

    def __init__(self, limits: list[int]):
        self._server = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._server.settimeout(30)
        self.port = self._server.getsockname()[1]
        self.whole: list[int] = []
        self._limits = limits
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        for limit in [*self._limits, 1 << 62]:
            connection, _ = self._server.accept()
            data = b""
            with connection:
                connection.settimeout(30)
                with contextlib.suppress(TimeoutError):
                    while len(data) < limit and (more := connection.recv(min(4096, limit - len(data)))):
                        data += more
                # A reset: what had not been read is lost.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.whole += [number(each) for each in frames(data)]
        self._server.close()


def frames(data: bytes):
    """Whole messages of octet counting."""
    while data:
        length, _, rest = data.partition(b" ")
        if not length or len(rest) < int(length):
            return
        yield rest[: int(length)]
        data = rest[int(length) :]


def test_connections_that_break_in_the_middle_of_a_message(syslog):
    """Sent again is what the receiver's kernel did not have: it had a little more than was read, so that what
    lies between is lost; nothing comes out of order or in pieces."""
    receiver = Breaking([1, 700, 5000, 12345])
    outputs = syslog(f"tcp://127.0.0.1:{receiver.port}")
    for count in range(300):
        outputs.put(examples.alert(count))
    outputs.close(30)
    receiver.thread.join(30)
    (measures,) = outputs.measures().values()
    assert measures["lost"] == 0
    assert measures["retries"] >= 1
    assert receiver.whole[-1] == 299
    # Within a connection numbers only grow by one.
    steps = [later - earlier for earlier, later in zip(receiver.whole, receiver.whole[1:], strict=False)]
    assert sum(step != 1 for step in steps) <= 4


def test_what_was_not_read_whole_comes_again():
    ledger = unconfirmed.Unconfirmed()
    for data in (b"one", b"two", b"three"):
        ledger.add(data, len(data) + 1)
    ledger.settle(9)
    assert (len(ledger), ledger.size) == (2, 9)
    ledger.settle(12)  # a later look that knows less
    assert len(ledger) == 2
    assert ledger.take() == [b"two", b"three"]
    assert (len(ledger), ledger.size, ledger.take()) == (0, 0, [])

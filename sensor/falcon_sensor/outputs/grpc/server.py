"""The process that serves gRPC. Run as `python -m falcon_sensor.outputs.grpc.server FD`.

`channel` has what is said over FD. It ends when the sensor does, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys

import grpc
from grpc import aio

from falcon_sensor.outputs.grpc import channel, fanout, messages, service

_LINE_BYTES = 64 << 20
"""Of an alert: fields are as long as command lines can be."""
_TELL_SECONDS = 0.05
_AGAIN_SECONDS = 2.0
"""Between attempts to listen: somebody has the address, or certificates are not there yet."""
_UNIX = "unix:"
_OPTIONS = (
    # A second server at the same address must be an error, not a lottery.
    ("grpc.so_reuseport", 0),
    # Requests are empty.
    ("grpc.max_receive_message_length", 4096),
    # A client whose machine has died keeps its queue no longer than a minute.
    ("grpc.keepalive_time_ms", 40_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Server:
    """What is served, and what is told to the sensor."""

    def __init__(self, setup: channel.Setup, writer: asyncio.StreamWriter) -> None:
        self._setup = setup
        self._writer = writer
        self._fanout = fanout.Fanout(setup.capacity)
        self._service = service.Service(self._fanout, messages.version(setup.version))
        self._trouble = "starting"
        self._told: channel.Status | None = None

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the sensor ends or says that nothing follows."""
        listening = asyncio.create_task(self._listen())
        telling = asyncio.create_task(self._tell_on())
        complete = await self._take(reader)
        if complete:
            self._fanout.finish()
            await self._fanout.alone.wait()
        for task in (listening, telling):
            task.cancel()
        await asyncio.gather(listening, telling, return_exceptions=True)
        if complete:
            await self._tell()

    async def _take(self, reader: asyncio.StreamReader) -> bool:
        """Alerts until there are no more. False: the sensor has died."""
        while line := await reader.readline():
            alert = json.loads(line)
            if alert is None:
                return True
            self._fanout.put(messages.response(alert))
        return False

    async def _listen(self) -> None:
        server = None
        try:
            while server is None:
                try:
                    server = await self._start()
                    self._trouble = ""
                except (OSError, RuntimeError) as error:
                    self._trouble = _reason(error)
                    await asyncio.sleep(_AGAIN_SECONDS)
            await server.wait_for_termination()
        finally:
            if server is not None:
                await server.stop(None)
            if self._setup.address.startswith(_UNIX):
                with contextlib.suppress(OSError):
                    os.unlink(_path(self._setup.address))

    async def _start(self) -> aio.Server:
        setup = self._setup
        server = aio.server(options=_OPTIONS, maximum_concurrent_rpcs=setup.calls)
        server.add_generic_rpc_handlers(tuple(self._service.handlers(alerts=setup.alerts)))
        if setup.address.startswith(_UNIX):
            path = _path(setup.address)
            _make_room(path)
            # The socket is for the user and the group of the sensor.
            os.umask(0o117)
            server.add_insecure_port(f"unix:{path}")
        else:
            server.add_secure_port(setup.address, _credentials(setup))
        await server.start()
        return server

    async def _tell_on(self) -> None:
        while True:
            await self._tell()
            await asyncio.sleep(_TELL_SECONDS)

    async def _tell(self) -> None:
        counters = self._fanout.counters
        status = channel.Status(
            self._trouble,
            len(self._fanout.subscriptions),
            self._service.calls,
            counters.settled,
            counters.sent,
            counters.too_many,
            counters.slow,
        )
        if status != self._told:
            self._told = status
            self._writer.write(channel.line(status))
            await self._writer.drain()


def _reason(error: OSError | RuntimeError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _path(address: str) -> str:
    return address.removeprefix(_UNIX).removeprefix("//")


def _make_room(path: str) -> None:
    """Makes the directory; a socket that nobody listens on any more goes. OSError when somebody does."""
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(f"somebody else listens on {path}")


def _credentials(setup: channel.Setup) -> grpc.ServerCredentials:
    """Certificates are read for every handshake, so that renewed ones are used; unusable ones keep those before."""
    first = _configuration(setup)

    last = first

    def renewed() -> grpc.ServerCertificateConfiguration:
        nonlocal last
        with contextlib.suppress(OSError):
            last = _configuration(setup)
        return last

    return grpc.dynamic_ssl_server_credentials(first, renewed, require_client_authentication=True)


def _configuration(setup: channel.Setup) -> grpc.ServerCertificateConfiguration:
    """OSError that names the file when it cannot be used: grpcio would only say so to its log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # The password keeps OpenSSL from asking the terminal when a key is encrypted.
        context.load_cert_chain(setup.cert, setup.key, password=lambda: b"")
    except OSError as error:
        raise OSError(f"{setup.cert} and {setup.key} cannot be used: {error.strerror or error}") from None
    try:
        context.load_verify_locations(setup.roots)
    except OSError as error:
        raise OSError(f"{setup.roots} cannot be used: {error.strerror or error}") from None
    key, cert, roots = (_read(name) for name in (setup.key, setup.cert, setup.roots))
    return grpc.ssl_server_certificate_configuration([(key, cert)], roots)


def _read(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read()


async def main(descriptor: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor), limit=_LINE_BYTES)
    if line := await reader.readline():
        with contextlib.suppress(ConnectionError):
            await Server(channel.Setup(**json.loads(line)), writer).run(reader)


if __name__ == "__main__":
    # What ends the sensor ends us, when it lets go of the socket.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(main(int(sys.argv[1])))

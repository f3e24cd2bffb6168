"""gRPC as the sensor's outputs see it: keeps the process that serves it alive, hands alerts over, takes its numbers.

What that process has, it has in memory: if it dies, what nobody had read is lost and counted.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from falcon_sensor import alerts
from falcon_sensor.outputs import backoff, base, companion, patience, render
from falcon_sensor.outputs.grpc import channel
from falcon_sensor.settings import model

_SEND_SECONDS = 10
"""The process always reads, so one that takes nothing for so long is broken."""
_PAUSES = (0.1, 15.0)
"""Seconds, before it is started again."""


class Unusable(Exception):
    """The text says which setting and why."""


class Grpc:
    """Starts the process at once, which listens when it can. What cannot work is an error at the start (Unusable)."""

    def __init__(self, settings: model.Settings, tell: base.Tell = base.say) -> None:
        grpc = settings.grpc
        _check(settings)
        self.name = f"grpc {grpc.bind_address}"
        self.passed = 0
        self._tell = tell
        self._line = render.as_text(settings)
        self._setup = channel.Setup(
            address=grpc.bind_address,
            key=grpc.private_key,
            cert=grpc.cert_chain,
            roots=grpc.root_certs,
            calls=10 * (grpc.threadiness or os.cpu_count() or 1),
            capacity=settings.outputs_queue.capacity,
            version=metadata.version("falcon-k8s"),
            alerts=settings.grpc_output.enabled,
        )
        self._patience = patience.Patience(self.name, backoff.Backoff(*_PAUSES), tell)
        self._past = channel.Status()
        self._status = channel.Status()
        self._given = self._lost = self._starts = 0
        self._changed = threading.Condition()
        self._server: _Server | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._keep, name=self.name, daemon=True)
        self._thread.start()

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        lines = [self._line(alert).rstrip(b"\n").decode() for alert in batch]
        data = b"".join(channel.line(channel.plain(*pair)) for pair in zip(batch, lines, strict=True))
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._server is not None or self._closing)
                server = self._server
            if server is None:
                raise base.Gone("it was ended")
            if server.write(data):
                with self._changed:
                    self._given += len(batch)
                return

    def reopen(self) -> None:
        """Certificates are read again without being asked."""

    def close(self) -> None:
        """Waits until subscribers have what waits for them."""
        with self._changed:
            self._closing = True
            server = self._server
        self._patience.end()
        if server is not None:
            server.write(channel.line(None))
        self._thread.join()

    def abort(self) -> None:
        with self._changed:
            self._closing = True
            server = self._server
            self._changed.notify_all()
        self._patience.end()
        if server is not None:
            server.kill()

    def measures(self) -> Mapping[str, int]:
        """Sums since the start, apart from `clients` and `waiting`, which is `unsaved` too."""
        with self._changed:
            now, past = self._status, self._past
            waiting = max(0, self._given - now.settled)
            return {
                "starts": self._starts,
                "clients": now.clients,
                "calls": past.calls + now.calls,
                "sent": past.sent + now.sent,
                "waiting": waiting,
                "unsaved": waiting,
                "lost_too_many": past.too_many + now.too_many,
                "lost_slow": past.slow + now.slow,
                "lost_crash": self._lost,
            }

    def _keep(self) -> None:
        """The thread that has a server running."""
        while not self._closing:
            try:
                server = _Server(self._setup)
            except OSError as error:
                self._patience.failed(f"cannot be started: {error.strerror or error}")
                continue
            with self._changed:
                self._starts += 1
                self._given = 0
                self._server = server
                self._changed.notify_all()
            for status in server.statuses():
                self._hear(status)
            code = server.end()
            with self._changed:
                self._server = None
                closing = self._closing
                if not closing:
                    self._lost += max(0, self._given - self._status.settled)
                    self._past, self._status = _added(self._past, self._status), channel.Status()
                    self._given = 0
            if not closing:
                self._patience.failed(f"the process that serves it ended with {code}")
        with self._changed:
            self._changed.notify_all()

    def _hear(self, status: channel.Status) -> None:
        with self._changed:
            before, self._status = self._status, status
        if status.trouble and status.trouble not in ("starting", before.trouble):
            self._tell(f"{self.name}: cannot listen: {status.trouble}; trying again until it works")
        if not status.trouble and before.trouble not in ("", "starting"):
            self._tell(f"{self.name} listens now")
        if not status.trouble:
            self._patience.works()
        if status.too_many > 2 * before.too_many and status.too_many.bit_length() > before.too_many.bit_length():
            self._tell(f"{self.name}: nobody reads; {status.too_many} alerts lost so far, the oldest")
        if status.slow and not before.slow:
            self._tell(f"{self.name}: a subscriber does not keep up; of what waits for it the oldest is lost")


class _Server(companion.Companion):
    def __init__(self, setup: channel.Setup) -> None:
        # What its C library has to say about clients is for programmers.
        super().__init__("falcon_sensor.outputs.grpc.server", _SEND_SECONDS, {"GRPC_VERBOSITY": "NONE"})
        self.write(channel.line(setup))

    def statuses(self) -> Iterator[channel.Status]:
        """Until it ends."""
        data = b""
        for more in self.received():
            *lines, data = (data + more).split(b"\n")
            yield from map(channel.Status.read, lines)


def _added(past: channel.Status, now: channel.Status) -> channel.Status:
    return channel.Status(
        calls=past.calls + now.calls,
        sent=past.sent + now.sent,
        too_many=past.too_many + now.too_many,
        slow=past.slow + now.slow,
    )


def _check(settings: model.Settings) -> None:
    grpc = settings.grpc
    if importlib.util.find_spec("grpc") is None:
        raise Unusable("grpc.enabled needs the Python package grpcio: install falcon-k8s[sensor]")
    if grpc.bind_address.startswith("unix:"):
        if not grpc.bind_address.removeprefix("unix:").removeprefix("//").startswith("/"):
            raise Unusable(
                "grpc.bind_address: must be unix:// and an absolute path, such as unix:///run/falcon/falcon.sock"
            )
        return
    host, _, port = grpc.bind_address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise Unusable("grpc.bind_address: must be address:port, such as 0.0.0.0:5060, or unix:///path")
    for option in ("private_key", "cert_chain", "root_certs"):
        try:
            with open(getattr(grpc, option), "rb"):
                pass
        except OSError as error:
            raise Unusable(f"grpc.{option}: cannot read {getattr(grpc, option)}: {error.strerror}") from None

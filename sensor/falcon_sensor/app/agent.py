"""The agent: a sensor's event loop, in a process of its own. Run as `python -m falcon_sensor.app.agent FD`.

    API server <-- watch pods, review tokens --> agent <-- frames --> sensor (ring, engine, outputs)
    operator   --- PUT /v1/bundle, HTTPS  ----->
    kubelet, Prometheus --- plain HTTP -------->

Not a thread of the sensor: a busy event loop beside the consumer delays events by seconds (figures
in `pipeline.consumer`), and this is the side that strangers can keep busy. It holds no state worth
keeping: the sensor starts another one when it dies. When the sensor dies it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from falcon_sensor.api import bundles, certificate, listener, server, tokens
from falcon_sensor.api.refusals import Reason, Refusal, Refusals
from falcon_sensor.app import frames, memory
from falcon_sensor.clients import connection, kube, watch
from falcon_sensor.outputs import base
from falcon_sensor.settings import model
from falcon_sensor.state import pods

_ASK_SECONDS = 5.0
"""The thread that answers in the sensor mostly waits; a second is a very bad day."""
_FRESH_SECONDS = 1.0
_LOAD_SECONDS = 300.0
"""Several attempts of the loader, a minute each at most."""
_LOOK_SECONDS = 0.2
_AGAIN_SECONDS = 5.0
"""Between attempts at what a person has to mend."""


class Sensor:
    """The other end. Implements `api.bundles.Sensor`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = frames.Decoder()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[frames.Frame]] = {}
        self._in_force = bundles.InForce()
        self._health: asyncio.Task[frames.Frame] | None = None
        self._asked = 0.0

    @property
    def in_force(self) -> bundles.InForce:
        return self._in_force

    async def load(self, packed: bytes, digest: str) -> bundles.InForce:
        try:
            done = await self._ask("bundle", {"digest": digest}, packed, _LOAD_SECONDS)
        except TimeoutError:
            raise Refusal(500, Reason.NOT_LOADED, "the sensor did not finish loading the bundle") from None
        if "error" in done.fields:
            reason = Reason(done.fields["reason"])
            raise Refusal(done.fields["status"], reason, done.fields["error"], done.fields.get("revision"))
        return self._in_force

    async def health(self) -> dict[str, Any]:
        """As it was within the last second: whoever floods us with questions must not keep the sensor busy."""
        loop = asyncio.get_running_loop()
        if self._health is None or (self._health.done() and loop.time() - self._asked >= _FRESH_SECONDS):
            self._health = loop.create_task(self._ask("ask", {}, b"", _ASK_SECONDS))
            self._asked = loop.time()
        found: dict[str, Any] = (await asyncio.shield(self._health)).fields["health"]
        return found

    async def tell(self, kind: str, fields: dict[str, Any], body: bytes = b"") -> None:
        self._writer.write(frames.encode(kind, fields, body))
        await self._writer.drain()

    async def hear(self) -> list[frames.Frame]:
        """The next ones; none at the end."""
        while data := await self._reader.read(1 << 16):
            if found := self._decoder.feed(data):
                return found
        return []

    async def listen(self) -> None:
        """Takes what the sensor says until it ends."""
        while found := await self.hear():
            for frame in found:
                self.take(frame)

    def take(self, frame: frames.Frame) -> None:
        if frame.kind == "force":
            errors = tuple((uid, reason) for uid, reason in frame.fields["rule_errors"])
            self._in_force = bundles.InForce(frame.fields["digest"], frame.fields["revision"], errors)
            self._health = None
            return
        future = self._waiting.pop(frame.fields["id"], None)
        if future is not None and not future.done():
            future.set_result(frame)

    async def _ask(self, kind: str, fields: dict[str, Any], body: bytes, seconds: float) -> frames.Frame:
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self.tell(kind, {**fields, "id": number}, body)
                frame = await future
                assert isinstance(frame, frames.Frame)
                return frame
        finally:
            self._waiting.pop(number, None)


class Agent:
    """settings: the section `cluster`."""

    def __init__(self, sensor: Sensor, settings: model.Cluster, about: server.About) -> None:
        self._sensor = sensor
        self._settings = settings
        self._about = about
        self._refusals = Refusals()
        self._api: kube.Api | None = None
        self._connected = asyncio.Event()
        self._listener: listener.Listener | None = None

    async def review_token(self, token: str, audiences: Sequence[str]) -> kube.Review:
        if self._api is None:
            raise kube.Unreachable("the sensor has no connection to the API server yet")
        return await self._api.review_token(token, audiences)

    async def run(self) -> None:
        """Until the sensor ends. Raises what broke one of the parts: the sensor then starts another agent."""
        parts = (self._sensor.listen(), self._public(), self._private(), self._pods())
        tasks = [asyncio.create_task(each) for each in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._api is not None:
                await self._api.close()

    async def _public(self) -> None:
        application = server.public(
            self._about, self._sensor, self._refusals, self.requests, memory.resident, self._is_listening
        )
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        host, port = self._settings.host or None, self._settings.health_port

        async def serve() -> None:
            await web.TCPSite(runner, host, port).start()
            await asyncio.Event().wait()

        await _again(serve, f"cannot listen on port {port} (cluster.health_port)")

    def requests(self) -> dict[tuple[str, str], int]:
        """To the API server, by verb and code."""
        return dict(self._api.requests) if self._api is not None else {}

    def _is_listening(self) -> bool:
        return self._listener is not None and self._listener.listening

    async def _private(self) -> None:
        settings = self._settings
        account = f"system:serviceaccount:{settings.namespace}:{settings.operator_account}"
        authority = tokens.Tokens(self, account, settings.audience)
        certificates = certificate.Certificate(Path(settings.tls_dir), base.say)
        trusting: list[Callable[[Any], None]] = []
        application = server.private(
            self._about,
            self._sensor,
            authority,
            self._refusals,
            settings.max_bundle_bytes,
            lambda transport: trusting[0](transport),
        )
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=120)
        await runner.setup()
        assert runner.server is not None
        listening = self._listener = listener.Listener(runner.server, certificates, self._refusals)
        trusting.append(listening.trust)
        await self._certify(certificates)
        port = settings.api_port
        await _again(lambda: listening.serve(settings.host, port), f"cannot listen on port {port} (cluster.api_port)")

    async def _certify(self, certificates: certificate.Certificate) -> None:
        """Until there is a certificate, in files or in the Secret that is to become these files."""
        looking = asyncio.create_task(self._look_into_secret(certificates))
        try:
            while certificates.context() is None:  # noqa: ASYNC110 (a file has no event)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_into_secret(self, certificates: certificate.Certificate) -> None:
        name, namespace = self._settings.tls_secret, self._settings.namespace
        if not name:
            return
        await self._connected.wait()
        assert self._api is not None
        query = {"fieldSelector": f"metadata.name={name}"}
        async for event in watch.Watch(self._api, f"/api/v1/namespaces/{namespace}/secrets", query).events():
            match event:
                case watch.Synced(items=items):
                    found = list(items)
                case watch.Changed(object=secret):
                    found = [secret]
                case watch.Lost(reason=reason):
                    base.say(f"cannot read the Secret {name}, waiting for the files: {reason}")
                    continue
                case _:
                    continue
            for pair in filter(None, map(certificate.pair, found)):
                certificates.give(*pair)

    async def _pods(self) -> None:
        await _again(self._connect, "no connection to the API server")
        assert self._api is not None
        query = {"fieldSelector": f"spec.nodeName={self._about.node}"}
        async for event in watch.Watch(self._api, "/api/v1/pods", query).events():
            match event:
                case watch.Synced(items=items):
                    await self._sensor.tell("pods", {"items": [pods.slim(each) for each in items]})
                case watch.Changed(change=watch.Change.DELETED, object=pod):
                    await self._sensor.tell("gone", {"uid": pods.slim(pod)["cgroup_uid"]})
                case watch.Changed(object=pod):
                    await self._sensor.tell("pod", {"item": pods.slim(pod)})
                case watch.Lost(reason=reason):
                    base.say(f"the watch of this node's pods is interrupted: {reason}")
                case watch.Connected():
                    base.say("the watch of this node's pods goes on")

    async def _connect(self) -> None:
        self._api = kube.Api(connection.find(self._settings.kubeconfig))
        self._connected.set()


async def _again(work: Callable[[], Awaitable[None]], problem: str) -> None:
    """Tries until it succeeds; the problem is told once."""
    told = False
    while True:
        try:
            await work()
            return
        except (OSError, connection.NoConnection) as error:
            if not told:
                told = True
                base.say(f"{problem}: {error}; trying again every {_AGAIN_SECONDS:g} s")
            await asyncio.sleep(_AGAIN_SECONDS)


async def main(descriptor: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
    sensor = Sensor(reader, writer)
    first, *others = await sensor.hear() or [frames.Frame("end", {})]
    if first.kind != "setup":
        return
    for frame in others:
        sensor.take(frame)
    await Agent(sensor, model.Cluster(**first.fields["settings"]), server.About(**first.fields["about"])).run()


if __name__ == "__main__":
    # What ends the sensor ends us, when it lets go of the socket.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1])))

"""Alerts, messages, and receivers that answer what a test tells them to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from falcon_hub import alerts
from falcon_hub.routing import rendering
from falcon_hub.sinks import base, options, registry
from falcon_rules import bundle

TIME_NS = 1_795_500_000_123_456_789
FIELDS = {
    "k8s.ns.name": "payments",
    "k8s.pod.name": "api-7d9f",
    "container.name": "api",
    "container.image.repository": "registry.example/api",
    "proc.cmdline": "sh -c id",
    "proc.pid": 4711,
    "user.name": "www-data",
}


def alert(number: int = 0, **members: Any) -> alerts.Alert:
    """The number-th of many different ones."""
    given: dict[str, Any] = {
        "uuid": str(uuid.UUID(int=number + 1)),
        "time_ns": TIME_NS + number,
        "rule": "Terminal shell in container",
        "priority": bundle.Priority.WARNING,
        "source": "syscall",
        "hostname": "node-1",
        "tags": ("container", "shell"),
        "output": f"09:20:00.123456789: Warning A shell was spawned number={number:05}",
        "fields": FIELDS,
    }
    return alerts.Alert(**(given | members))


def wanted(kind: str, **given: Any) -> options.Common:
    """Options of a sink, as from settings."""
    return registry.options_of(kind).model_validate({"name": "it", "type": kind, "timeout_seconds": 2, **given})


def message(sink: base.Sink, chosen: options.Common, found: alerts.Alert, link: str | None = None) -> base.Message:
    return rendering.Renderer(chosen, sink.escape, link).one(found)


async def send(sink: base.Sink, batch: Sequence[base.Message]) -> base.Outcome:
    """As routing does: at most so many at once as the sink takes."""
    done = 0
    refused: dict[int, str] = {}
    while done < len(batch):
        outcome = await sink.send(batch[done : done + sink.batch])
        refused |= {done + index: reason for index, reason in outcome.refused.items()}
        done += outcome.done
        if outcome.failure is not None:
            return base.Outcome(done, refused, outcome.failure)
    return base.Outcome(done, refused)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Seen:
    """A request as it came. body: text."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, dict[str, str], str]
RESET = "reset"
HANG = "hang"


@dataclass
class Receiver:
    """An HTTP server of the test's own: a stand-in for receivers that cannot run here. script: what it answers, one a
    request, then `otherwise` for all that follow."""

    url: str
    otherwise: Callable[[Seen], Answer] = lambda _seen: (200, {}, "ok")
    script: list[Answer | str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    taken: list[Seen] = field(default_factory=list)
    """Those that were answered 2xx."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.path_qs, dict(request.headers), (await request.read()).decode())
        self.seen.append(seen)
        step = self.script.pop(0) if self.script else self.otherwise(seen)
        if step == HANG:
            await asyncio.sleep(60)
        if step == RESET:
            assert request.transport is not None
            # With nothing to linger for, closing sends a reset.
            connection = request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
            return web.Response()
        assert not isinstance(step, str)
        status, headers, body = step
        if 200 <= status < 300:
            self.taken.append(seen)
        return web.Response(status=status, headers=headers, text=body)


@contextlib.asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    application = web.Application(client_max_size=1 << 26)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    receiver = Receiver("")
    application.router.add_route("*", "/{path:.*}", receiver.handle)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()


def bulk(status: int = 201) -> Callable[[Seen], Answer]:
    """Answers as Elasticsearch's bulk API does, every document with `status`."""

    def answer(seen: Seen) -> Answer:
        actions = [json.loads(each) for each in seen.body.splitlines()[::2]]
        items = [
            {"create": {"_index": a["create"]["_index"], "_id": a["create"]["_id"], "status": status}} for a in actions
        ]
        return 200, {"Content-Type": "application/json"}, json.dumps({"took": 1, "errors": False, "items": items})

    return answer


SECRET = "T0PSECRETKEY/with+odd=letters-0123456789"
"""Found nowhere but in the settings and where the receiver's protocol puts it."""


@dataclass(frozen=True)
class Kind:
    """A type of sink that speaks HTTP. own: its options, for a receiver at the address; ok: what its receiver says when
    it has taken a request."""

    type: str
    own: Callable[[str], dict[str, Any]]
    ok: Callable[[Seen], Answer] = lambda _seen: (200, {}, "ok")

    def make(self, url: str, **more: Any) -> tuple[options.Common, base.Sink]:
        chosen = wanted(self.type, **self.own(url), **more)
        return chosen, registry.make(chosen)


def _ok(status: int, body: str = "") -> Callable[[Seen], Answer]:
    return lambda _seen: (status, {}, body)


KINDS = (
    Kind("slack", lambda url: {"webhook_url": f"{url}/services/T0/B0/{SECRET}"}),
    Kind("discord", lambda url: {"webhook_url": f"{url}/api/webhooks/42/{SECRET}"}, _ok(204)),
    Kind("teams", lambda url: {"webhook_url": f"{url}/workflows/x/triggers/manual?sig={SECRET}"}, _ok(202)),
    Kind("telegram", lambda url: {"url": url, "token": f"42:{SECRET}", "chat_id": -100}, _ok(200, '{"ok":true}')),
    Kind(
        "pagerduty", lambda url: {"url": f"{url}/v2/enqueue", "routing_key": SECRET}, _ok(202, '{"status":"success"}')
    ),
    Kind("opsgenie", lambda url: {"url": f"{url}/v2/alerts", "api_key": SECRET}, _ok(202, '{"result":"queued"}')),
    Kind("alertmanager", lambda url: {"url": url, "username": "hub", "password": SECRET}),
    Kind("loki", lambda url: {"url": url, "bearer_token": SECRET}, _ok(204)),
    Kind("elasticsearch", lambda url: {"url": url, "api_key": SECRET}, bulk()),
    Kind("opensearch", lambda url: {"url": url, "username": "hub", "password": SECRET}, bulk()),
    Kind("webhook", lambda url: {"url": f"{url}/hook/{SECRET}"}),
    Kind("falcosidekick", lambda url: {"url": f"{url}/", "bearer_token": SECRET}),
)

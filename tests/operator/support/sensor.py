"""A stand-in for a sensor: its HTTPS API as the operator sees it, with no kernel behind it.

It unpacks what it is sent and keeps to the contract (token, digest, revisions), so that what the
tests call loaded has really arrived.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from falcon_operator.app import certificates
from falcon_rules import bundle, wire

TOKEN = "token-for-sensors"


@dataclass
class StandInSensor:
    """Listens on loopback from `start` on. in_force: the bundle it was sent last and took."""

    node: str
    port: int = 0
    token: str = TOKEN
    in_force: bundle.Bundle | None = None
    digest: str = ""
    pushes: list[str] = field(default_factory=list)
    """Digests of all bundles that were sent, taken or not."""
    rule_errors: list[dict[str, str]] = field(default_factory=list)
    refuse: int | None = None
    """Answer every push with this status."""
    seconds: float = 0.0
    """How long it takes to put a bundle in force."""
    _runner: web.AppRunner | None = None

    async def start(self, pair: certificates.Pair) -> None:
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_put("/v1/bundle", self._put)
        application.router.add_get("/v1/status", self._status)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=server_tls(pair), reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _put(self, request: web.Request) -> web.Response:
        if refusal := self._unauthorized(request):
            return refusal
        body, digest = await request.read(), request.headers["Falcon-Bundle-Digest"]
        self.pushes.append(digest)
        if self.refuse is not None:
            return web.json_response({"error": "this stand-in refuses"}, status=self.refuse)
        data = wire.unpack(body)
        if digest != f"sha256:{wire.digest(data)}":
            return web.json_response({"error": "the digest does not fit"}, status=400)
        sent = wire.loads(data)
        if self.in_force is not None and sent.revision < self.in_force.revision:
            answer = {"error": "an older revision", "revision": self.in_force.revision}
            return web.json_response(answer, status=409)
        await asyncio.sleep(self.seconds)
        self.in_force, self.digest = sent, digest
        return web.json_response(
            {"digest": digest, "revision": sent.revision, "loaded": True, "ruleErrors": self.rule_errors}
        )

    async def _status(self, request: web.Request) -> web.Response:
        return self._unauthorized(request) or web.json_response(self._report())

    def _report(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "digest": self.digest,
            "revision": self.in_force.revision if self.in_force is not None else 0,
            "backend": "stand-in",
            "kernel": "6.1.0",
            "version": "0.1.0",
            "drops": 0,
            "lastEventTime": None,
            "ruleErrors": self.rule_errors,
        }

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return web.json_response({"error": "no valid token"}, status=401)


def server_tls(pair: certificates.Pair) -> ssl.SSLContext:
    """A context that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    descriptor, name = tempfile.mkstemp()
    try:
        os.write(descriptor, f"{pair.certificate}\n{pair.key}".encode())
        os.close(descriptor)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
    return context

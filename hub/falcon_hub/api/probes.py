"""What kubelets, load balancers and people with curl ask. No tokens: the answers tell nothing but states."""

from __future__ import annotations

from aiohttp import web

from falcon_hub.store import records, store


class Probes:
    def __init__(self, kept: store.Store) -> None:
        self._store = kept

    async def ping(self, _request: web.Request) -> web.Response:
        """GET /ping, as Falcosidekick has it."""
        return web.Response(text="pong\n")

    async def alive(self, _request: web.Request) -> web.Response:
        """GET /livez: the process answers."""
        return web.Response(text="ok\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /readyz and /healthz: the store takes alerts. Nothing is written that would last."""
        try:
            await self._store.check()
        except records.Unavailable as error:
            return web.Response(status=503, text=f"the store cannot be used: {error}\n")
        return web.Response(text="ok\n")

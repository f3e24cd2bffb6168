"""Plain HTTP for the kubelet and for Prometheus: /livez, /readyz, /metrics. Nothing secret is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import prometheus_client
from aiohttp import web

logger = logging.getLogger(__name__)

Check = Callable[[], bool]


class Health:
    """live and ready: named checks, all of which must hold; the answer lists each."""

    def __init__(
        self, port: int, live: Mapping[str, Check], ready: Mapping[str, Check], host: str | None = None
    ) -> None:
        self.port = port
        self._host = host
        self._live = live
        self._ready = ready

    async def run(self) -> None:
        """Serves until cancelled."""
        application = web.Application()
        application.router.add_get("/livez", self._handler(self._live))
        application.router.add_get("/readyz", self._handler(self._ready))
        application.router.add_get("/metrics", _metrics)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self.port).start()
            await asyncio.get_running_loop().create_future()
        finally:
            await runner.cleanup()

    @staticmethod
    def _handler(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            results = {name: check() for name, check in checks.items()}
            text = "".join(f"{'+' if good else '-'} {name}\n" for name, good in results.items())
            return web.Response(text=text, status=200 if all(results.values()) else 503)

        return handle


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(
        body=prometheus_client.generate_latest(), headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST}
    )

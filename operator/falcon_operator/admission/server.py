"""The HTTPS server that the API server asks about every rule that is to be stored.

It never stands in the way for reasons of its own: what cannot be checked in time, or makes the
checker stumble, is let through with a warning, and checked again when the operator sees the
resource. Its certificate can be replaced while it runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from concurrent import futures
from typing import Final

import prometheus_client
from aiohttp import web

from falcon_operator.admission import reviews
from falcon_operator.reconcile import resources

logger = logging.getLogger(__name__)

Check = Callable[[resources.Resource], reviews.Answer]
"""Looks at a resource that is about to be stored. Runs in a thread; several may run at once."""
Settled = Callable[[], Awaitable[None]]
"""Waits until what was stored a moment ago counts."""

REVIEWS: Final = prometheus_client.Counter(
    "falcon_operator_admission_reviews_total", "Resources that were looked at before they were stored.", ["result"]
)
SECONDS: Final = prometheus_client.Histogram(
    "falcon_operator_admission_seconds", "Time that a look took.", buckets=(0.005, 0.02, 0.1, 0.5, 2, 8)
)

PATH: Final = "/validate"
_CHECK_SECONDS: Final = 8.0
"""The API server waits ten, and a refusal that comes too late is no refusal."""
_STOP_SECONDS: Final = 3.0
"""For answers on their way when the operator ends: the kubelet waits ten seconds for all of it."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""An API server takes objects of 3 MiB at most; a review holds the old and the new one."""


class Server:
    """`start` listens once there is a certificate; `use` gives it one, at any time. `close` when done."""

    def __init__(self, check: Check, settled: Settled, port: int, host: str | None = None) -> None:
        self.serving = asyncio.Event()
        self._check = check
        self._settled = settled
        self._host = host
        self._port = port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._certified = asyncio.Event()
        # Two at once: checks are pure computation. Threads of their own: a check that hangs blocks nothing else.
        self._threads = futures.ThreadPoolExecutor(2, "admission")
        self._runner: web.AppRunner | None = None

    def use(self, certificate: str, key: str) -> None:
        """Shows this certificate (PEM) to whoever connects from now on. Raises ssl.SSLError."""
        _load(self._tls, certificate, key)
        self._certified.set()

    async def run(self) -> None:
        """Serves until cancelled."""
        await self._certified.wait()
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_post(PATH, self._validate)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_STOP_SECONDS)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls).start()
            self.serving.set()
            logger.info("admission webhook listens on port %d", self._port)
            await asyncio.get_running_loop().create_future()
        finally:
            self.serving.clear()
            await self._runner.cleanup()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _validate(self, request: web.Request) -> web.Response:
        started = time.monotonic()
        try:
            asked = reviews.read(json.loads(await request.read()))
        except (reviews.Malformed, ValueError) as error:
            REVIEWS.labels("malformed").inc()
            return web.json_response({"error": str(error)}, status=400)
        answer = await self._answer(asked)
        SECONDS.observe(time.monotonic() - started)
        return web.json_response(reviews.write(asked.uid, answer))

    async def _answer(self, asked: reviews.Request) -> reviews.Answer:
        if asked.resource is None:
            REVIEWS.labels("passed").inc()
            return reviews.Answer()
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                answer = await self._looked(asked.resource)
                if answer.errors:
                    # It may use what came just before it: `kubectl apply` of a macro and of a rule with it.
                    await self._settled()
                    answer = await self._looked(asked.resource)
        except TimeoutError:
            REVIEWS.labels("late").inc()
            logger.warning("%s: the check took too long, let through", asked.resource.ref)
            return reviews.Answer(warnings=("not checked: it took too long; see the resource's status in a moment",))
        except Exception:
            REVIEWS.labels("failed").inc()
            logger.exception("%s: the check failed, let through", asked.resource.ref)
            return reviews.Answer(warnings=("not checked because of an internal error; see the resource's status",))
        REVIEWS.labels("refused" if answer.errors else "admitted").inc()
        return answer

    async def _looked(self, resource: resources.Resource) -> reviews.Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._check, resource)


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Only files can be loaded; this one has no name and never touches a disk."""
    descriptor = os.memfd_create("falcon-certificate")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(f"{certificate}\n{key}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)

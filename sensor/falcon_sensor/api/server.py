"""The two web applications.

    HTTPS  PUT /v1/bundle    the operator's rules; answered when they are in force
           GET /v1/status    what is in force, and how the sensor is
    HTTP   GET /livez /readyz /metrics   nothing secret, for the kubelet and Prometheus

Every request of the first is authorised before its body is read.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from falcon_sensor.api import bundles, health, metrics, tokens
from falcon_sensor.api.refusals import Reason, Refusal, Refusals

DIGEST_HEADER: Final = "Falcon-Bundle-Digest"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while the sensor runs. kernel: its release."""

    node: str
    version: str
    kernel: str


def private(
    about: About,
    sensor: bundles.Sensor,
    authority: tokens.Tokens,
    refusals: Refusals,
    most_bytes: int,
    trust: Callable[[Any], None],
) -> web.Application:
    """The operator's API. most_bytes: of a packed bundle. trust: told of transports that showed a good token."""
    pushes = bundles.Pushes(sensor)

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            await authority.check(request.headers.get("Authorization"))
            trust(request.transport)
            return await handler(request)
        except Refusal as refusal:
            refusals[refusal.reason] += 1
            headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
            if not request.content.is_eof():
                headers["Connection"] = "close"  # the rest of a refused body is not read
            return _json(refusal.answer(), refusal.status, headers)
        except web.HTTPRequestEntityTooLarge:
            refusals[Reason.TOO_LARGE] += 1
            error = f"a bundle may have {most_bytes} bytes when packed"
            return _json({"error": error, "reason": str(Reason.TOO_LARGE)}, 413, {"Connection": "close"})
        except web.HTTPException as error:
            refusals[Reason.NOT_FOUND] += 1
            return _json({"error": error.reason, "reason": str(Reason.NOT_FOUND)}, error.status)

    async def put_bundle(request: web.Request) -> web.Response:
        body = await request.read()
        done = await pushes.put(body, request.headers.get(DIGEST_HEADER, ""))
        return _json({**done.report(), "loaded": True, **_about(about)})

    async def get_status(request: web.Request) -> web.Response:
        report: dict[str, Any] = {**sensor.in_force.report(), **_about(about), "drops": None, "lastEventTime": None}
        found = await _health(sensor)
        if found is not None:
            report |= {"drops": found.dropped, "lastEventTime": found.last_event or None, "backend": found.backend}
        return _json(report)

    application = web.Application(middlewares=[guard], client_max_size=most_bytes)
    application.router.add_put("/v1/bundle", put_bundle)
    application.router.add_get("/v1/status", get_status, allow_head=False)
    return application


def public(
    about: About,
    sensor: bundles.Sensor,
    refusals: Refusals,
    requests: Callable[[], dict[tuple[str, str], int]],
    memory: Callable[[], int],
    listening: Callable[[], bool],
) -> web.Application:
    """Probes and metrics. requests: to the API server, by verb and code. memory: resident bytes of this process.
    listening: whether the operator's API is."""

    async def livez(request: web.Request) -> web.Response:
        found = await _health(sensor)
        return _verdict(found is not None and health.is_alive(found), "the sensor does not answer, or hangs")

    async def readyz(request: web.Request) -> web.Response:
        if not listening():
            return _verdict(False, "the operator cannot push rules yet: there is no certificate to listen with")
        found = await _health(sensor)
        if found is not None and found.attached and found.blind:
            return _verdict(False, f"the sensor does not see: {found.blind}")
        ready = found is not None and health.is_ready(found, sensor.in_force.digest)
        return _verdict(ready, "no bundle is in force yet")

    async def show_metrics(request: web.Request) -> web.Response:
        found = await _health(sensor)
        if found is None:
            return _verdict(False, "the sensor does not answer")
        sample = metrics.Sample(found, sensor.in_force, refusals, requests(), about.version, memory())
        return web.Response(body=metrics.text(sample), headers={"Content-Type": metrics.CONTENT_TYPE})

    application = web.Application()
    application.router.add_get("/livez", livez)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", show_metrics)
    return application


async def _health(sensor: bundles.Sensor) -> health.Health | None:
    try:
        return health.Health.of(await sensor.health())
    except TimeoutError:
        return None


def _about(about: About) -> dict[str, str]:
    return {"node": about.node, "version": about.version, "kernel": about.kernel}


def _verdict(good: bool, reason: str) -> web.Response:
    return web.Response(text="ok\n" if good else f"{reason}\n", status=200 if good else 503)


def _json(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=json.dumps(value).encode(), status=status, headers=headers, content_type="application/json"
    )

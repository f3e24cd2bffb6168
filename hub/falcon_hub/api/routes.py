"""The paths of this package."""

from __future__ import annotations

from aiohttp import web

from falcon_hub.api import ingest, metrics, probes


def add(application: web.Application, alerts: ingest.Ingest, states: probes.Probes, numbers: metrics.Metrics) -> None:
    application.router.add_post("/", alerts.take)
    application.router.add_post("/api/v1/alerts", alerts.take)
    application.router.add_post("/test", alerts.test)
    application.router.add_get("/ping", states.ping)
    application.router.add_get("/livez", states.alive)
    application.router.add_get("/readyz", states.ready)
    application.router.add_get("/healthz", states.ready)
    application.router.add_get("/metrics", numbers.show)

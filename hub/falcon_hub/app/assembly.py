"""Which part gets which: made in order, closed in reverse."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from falcon_hub.api import counters, ingest, metrics, probes, routes, tokens
from falcon_hub.app import listener, place
from falcon_hub.routing import links, router
from falcon_hub.routing import metrics as sink_metrics
from falcon_hub.settings import load, model
from falcon_hub.sinks import base
from falcon_hub.store import store

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that is up but for its listener."""

    settings: model.Settings
    application: web.Application

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Takes connections; gives the address for people."""
        async with listener.listening(self.application, self.settings.listen) as address:
            yield address


@contextlib.asynccontextmanager
async def assemble(settings: model.Settings, origins: load.Origins, say: Say) -> AsyncIterator[Hub]:
    """Raises place.Refusal, tokens.TokenError, load.SettingsError and what Store.open raises."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(place.only_one(settings))
        senders = _tokens(settings, say)
        password = settings.store.password
        kept = await stack.enter_async_context(
            await store.Store.open(settings.database_url, password.reveal() if password else None)
        )
        routed = await stack.enter_async_context(_router(settings, kept, say))
        counted = counters.Counters()
        application = web.Application(client_max_size=settings.ingest.max_body_bytes)
        taking = ingest.Ingest(
            kept, senders, counted, most_alerts=settings.ingest.max_alerts, custom=settings.custom_fields
        )
        routes.add(
            application,
            taking,
            probes.Probes(kept),
            metrics.Metrics(kept, counted, [lambda: sink_metrics.families(routed)]),
        )
        yield Hub(settings, application)


def _router(settings: model.Settings, kept: store.Store, say: Say) -> router.Router:
    try:
        return router.Router.make(settings.sinks, settings.routing, kept, say, links.template(settings.listen))
    except base.Unusable as error:
        raise place.Refusal(str(error)) from None


def _tokens(settings: model.Settings, say: Say) -> tokens.Tokens:
    path = settings.ingest_token_file
    made = place.absent(path) and not settings.ingest.token_file
    found = tokens.Tokens.open(path, make=made)
    if made:
        say(f"made a token for senders of alerts: {path}")
    return found

"""Which part gets which: made in order, closed in reverse."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client.core import Metric

from falcon_hub.access import access, oidc
from falcon_hub.api import counters, ingest, metrics, probes, routes, tokens
from falcon_hub.app import first, keeping, listener, place, telling
from falcon_hub.routing import router
from falcon_hub.settings import model, secrets
from falcon_hub.sinks import base
from falcon_hub.store import database, leading, store
from falcon_hub.web import routes as pages

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
async def assemble(settings: model.Settings, say: Say) -> AsyncIterator[Hub]:
    """Raises place.Refusal, tokens.TokenError and what Store.open raises."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(place.only_one(settings))
        senders = _tokens(settings, say)
        kept = await stack.enter_async_context(await _store(settings))
        door = _door(settings, kept)
        await first.user(kept, settings.access, say, terminal=sys.stderr.isatty())
        leader = await stack.enter_async_context(leading.elected(settings.database_url, settings.database_password))
        sinks = await stack.enter_async_context(_router(settings, kept, say, leader))
        await stack.enter_async_context(keeping.keeping(kept, settings.store.retention, say, leader))
        yield Hub(settings, _application(settings, kept, door, senders, sinks, leader, say))


def _application(
    settings: model.Settings,
    kept: store.Store,
    door: access.Access,
    senders: tokens.Tokens,
    sinks: router.Router,
    leader: leading.Leader,
    say: Say,
) -> web.Application:
    application = web.Application(client_max_size=settings.ingest.max_body_bytes)
    counted = counters.Counters()
    taking = ingest.Ingest(
        kept,
        senders,
        counted,
        most_alerts=settings.ingest.max_alerts,
        most_bytes=settings.ingest.max_body_bytes,
        custom=settings.custom_fields,
    )
    numbers = metrics.Metrics(kept, counted, lambda: _sink_metrics(sinks, leader))
    routes.add(application, taking, probes.Probes(kept), numbers)

    async def states() -> list[dict[str, Any]]:
        return [telling.page(each) for each in await sinks.states()]

    wanted = settings.access.oidc
    pages.add(application, kept, door, states, single_sign_on=wanted.label if wanted.issuer else None)
    if wanted.issuer:
        oidc.Oidc(door, wanted, say).add(application)
    return application


async def _sink_metrics(sinks: router.Router, leader: leading.Leader) -> list[Metric]:
    return list(telling.metrics(await sinks.states(), leader.leads))


def _tokens(settings: model.Settings, say: Say) -> tokens.Tokens:
    path = settings.ingest_token_file
    made = place.absent(path) and not settings.ingest.token_file
    found = tokens.Tokens.open(path, make=made)
    if made:
        say(f"made a token for senders of alerts: {path}")
    return found


async def _store(settings: model.Settings) -> store.Store:
    try:
        return await store.Store.open(settings.database_url, settings.database_password)
    except database.BadUrl as error:
        raise place.Refusal(f"store.url {error}") from None


def _door(settings: model.Settings, kept: store.Store) -> access.Access:
    try:
        return access.Access(kept.accounts, settings.access, settings.listen.public_url)
    except secrets.Unreadable as error:
        raise place.Refusal(f"access.reader_tokens: {error}") from None
    except ValueError as error:
        raise place.Refusal(f"access: {error}") from None


def _router(settings: model.Settings, kept: store.Store, say: Say, leader: leading.Leader) -> router.Router:
    # Without an address of its own a message has no link: 127.0.0.1 would lead its reader nowhere.
    link = settings.listen.public_url.rstrip("/") or None
    try:
        return router.Router.make(settings.sinks, settings.routing, kept, say, link, leader)
    except base.Unusable as error:
        raise place.Refusal(str(error)) from None

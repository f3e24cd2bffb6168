"""Alerts in: token, body, store, answer.

| answer | what it means to the sender |
|---|---|
| 200 | committed: the hub has them, whatever happens next |
| 400, 413 | will never be taken like this |
| 401 | a token is missing |
| 503, with Retry-After | nothing was taken, send it again; alerts that came twice are shown once |
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from falcon_hub import alerts
from falcon_hub.api import bodies, counters, tokens
from falcon_hub.store import records, store
from falcon_rules import bundle

_LARGE: Final = 128 * 1024
"""Bytes. Parsing more takes milliseconds and is done beside the event loop."""
RETRY_SECONDS: Final = 2
"""What senders are asked to wait: time enough for a database to restart, little enough to be back soon."""


class Ingest:
    """custom: fields added to every alert that does not have them."""

    def __init__(
        self,
        kept: store.Store,
        allowed: tokens.Tokens,
        counted: counters.Counters,
        *,
        most_alerts: int,
        most_bytes: int,
        custom: Mapping[str, str],
    ) -> None:
        self._store, self._tokens, self._counters = kept, allowed, counted
        self._most, self._most_bytes, self._custom = most_alerts, most_bytes, dict(custom)

    async def take(self, request: web.Request) -> web.Response:
        """POST / and POST /api/v1/alerts."""
        self._tokens.require(request)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            self._counters.refused += 1
            raise
        encoding = request.headers.get("Content-Encoding", "")
        try:
            if len(body) < _LARGE and not encoding:
                found = bodies.parse(body, self._most)
            else:
                found = await asyncio.to_thread(self._parsed, body, encoding)
        except bodies.BadBody as error:
            self._counters.refused += 1
            return web.json_response({"error": str(error)}, status=400)
        except bodies.TooMany as error:
            self._counters.refused += 1
            return web.json_response({"error": str(error)}, status=413)
        return await self._keep(found)

    def _parsed(self, body: bytes, encoding: str) -> list[alerts.Alert]:
        return bodies.parse(bodies.unpacked(body, encoding, self._most_bytes), self._most)

    async def test(self, request: web.Request) -> web.Response:
        """POST /test: an alert of the hub's own goes the whole way, to every sink that takes Debug."""
        self._tokens.require(request)
        made = alerts.make(
            "Test rule",
            "This is a test alert of falcon-hub: nothing has happened",
            bundle.Priority.DEBUG,
            ("test",),
            **{"proc.name": "falcon-hub"},
        )
        return await self._keep([made])

    async def _keep(self, found: list[alerts.Alert]) -> web.Response:
        if self._custom:
            found = [dataclasses.replace(each, fields=self._custom | dict(each.fields)) for each in found]
        try:
            added = await self._store.add(found)
        except records.Unavailable as error:
            self._counters.unavailable += 1
            return web.json_response(
                {"error": f"cannot store alerts now: {error}"}, status=503, headers={"Retry-After": str(RETRY_SECONDS)}
            )
        self._counters.accepted(found, added)
        return web.json_response({"accepted": added.new, "duplicates": added.duplicates})

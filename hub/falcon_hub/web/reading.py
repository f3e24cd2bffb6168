"""Questions about alerts: lists, one, figures. All take the filter of `asking`."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid as uuids

from aiohttp import web

from falcon_hub.access import access
from falcon_hub.store import filters, records, store
from falcon_hub.store import reading as numbers
from falcon_hub.web import asking, exceptions, shapes

_MOST_ROWS = 1000
_MOST_BUCKETS = 500
_MOST_VALUES = 1000


class Reading:
    def __init__(self, kept: store.Store, door: access.Access) -> None:
        self._store, self._access = kept, door

    async def page(self, request: web.Request) -> web.Response:
        """GET /api/v1/alerts?...&before=&limit=: newest first. seq, note: where the stream may go on, by
        after=SEQ-NOTE."""
        await self._access.require(request)
        wanted = asking.chosen(request.query, besides=frozenset({"before", "limit"}))
        limit = asking.number(request.query, "limit", 100, _MOST_ROWS)
        # Asked for before the page: what comes in between is in both rather than in neither.
        seq, note = await self._store.read(numbers.last_seq), await self._store.last_note()
        try:
            found = await self._store.page(wanted, request.query.get("before") or None, limit)
        except ValueError as error:
            raise asking.BadQuestion(str(error)) from None
        rows = [shapes.row(each) for each in found.rows]
        return web.json_response({"alerts": rows, "next": found.next, "seq": seq, "note": note})

    async def one(self, request: web.Request) -> web.Response:
        """GET /api/v1/alerts/UUID."""
        await self._access.require(request)
        found = await self.stored(request)
        return web.json_response(shapes.detail(found, await self._store.silences.covering(found.alert)))

    async def exception(self, request: web.Request) -> web.Response:
        """GET /api/v1/alerts/UUID/exception?field=...: a change of the rule that keeps it silent about this."""
        await self._access.require(request)
        stored = await self.stored(request)
        fields = request.query.getall("field", []) if "field" in request.query else None
        made = await asyncio.to_thread(exceptions.suggest, stored.alert, fields)
        return web.json_response(dataclasses.asdict(made))

    async def counts(self, request: web.Request) -> web.Response:
        """GET /api/v1/counts: how many, by priority, and how many nobody has acknowledged."""
        await self._access.require(request)
        wanted = asking.chosen(request.query)
        total = await self._store.count(wanted)
        if wanted.acknowledged is True:
            unseen: dict[int, int] = {}
        else:
            unseen = await self._store.count(dataclasses.replace(wanted, acknowledged=False))
        return web.json_response(shapes.counts(total, unseen))

    async def timeline(self, request: web.Request) -> web.Response:
        """GET /api/v1/timeline?...&buckets=."""
        await self._access.require(request)
        wanted = asking.chosen(request.query, besides=frozenset({"buckets"}))
        buckets = asking.number(request.query, "buckets", 120, _MOST_BUCKETS)
        return web.json_response(shapes.timeline(await self._store.timeline(wanted, buckets)))

    async def top(self, request: web.Request) -> web.Response:
        """GET /api/v1/top?by=rule&n=10: most frequent values."""
        await self._access.require(request)
        wanted = asking.chosen(request.query, besides=frozenset({"by", "n"}))
        by = request.query.get("by", "rule")
        if by not in (*filters.DIMENSIONS, "tag"):
            raise asking.BadQuestion(f"by must be one of {', '.join(filters.DIMENSIONS)}, tag; not {by[:40]!r}")
        found = await self._store.top(wanted, by, asking.number(request.query, "n", 10, _MOST_VALUES))
        return web.json_response({"top": [{"value": each.value, "count": each.count} for each in found]})

    async def stored(self, request: web.Request) -> records.Stored:
        """The alert in the path. Raises 404."""
        try:
            uuid = str(uuids.UUID(request.match_info["uuid"]))
        except ValueError:
            raise asking.BadQuestion("an alert is asked for by its UUID") from None
        found = await self._store.get(uuid)
        if found is None:
            raise web.HTTPNotFound(text="There is no such alert: it may be older than what is kept.")
        return found

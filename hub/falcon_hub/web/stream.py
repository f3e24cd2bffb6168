"""The live tail: GET /api/v1/stream, server-sent events of alerts that fit the filter, as they are committed.

An event is a batch, `{"alerts": [...newest first], "more": n}`: of a burst only the newest are worth sending to a page,
which shows forty. Its id is the number up to which the store was read, so a browser that reconnects misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence

from aiohttp import web

from falcon_hub.access import access
from falcon_hub.store import filters, records, store
from falcon_hub.store import reading as numbers
from falcon_hub.web import asking, shapes

_QUIET_SECONDS = 15.0
"""A comment is sent at least this often: proxies close what is silent for a minute, and a dead peer is noticed. A
session that ended is noticed as quickly."""
_SETTLE_SECONDS = 0.25
"""Between batches: quicker than an eye needs it costs the page for nothing."""
_READ = 1000
_SHOWN = 100
_RETRY_MS = 2000


class Stream:
    def __init__(self, kept: store.Store, door: access.Access) -> None:
        self._store, self._access = kept, door

    async def follow(self, request: web.Request) -> web.StreamResponse:
        await self._access.require(request)
        wanted = asking.chosen(request.query, besides=frozenset({"after"}))
        after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        seq = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else None
        if seq is None:
            seq = await self._store.read(numbers.last_seq)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(f"retry: {_RETRY_MS}\nid: {seq}\ndata: {_data([], 0)}\n\n".encode())
        # The browser went away, or comes back by itself: when the store does, or to learn that its session has ended.
        with contextlib.suppress(ConnectionError, records.Unavailable, web.HTTPException):
            await self._send(request, response, wanted, seq)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, wanted: filters.Filter, seq: int) -> None:
        checked = time.monotonic()
        while True:
            there = await self._store.wait(seq, _QUIET_SECONDS)
            if not there or time.monotonic() - checked > _QUIET_SECONDS:
                await self._access.require(request)
                checked = time.monotonic()
            if not there:
                await response.write(b": still here\n\n")
                continue
            seq, found, more = await self._read(wanted, seq)
            # The id moves on even when nothing fits.
            await response.write(f"id: {seq}\ndata: {_data(found, more)}\n\n".encode())
            await asyncio.sleep(_SETTLE_SECONDS)

    async def _read(self, wanted: filters.Filter, seq: int) -> tuple[int, Sequence[records.Stored], int]:
        """Everything new: how far, the newest that fit, and how many more do."""
        found: list[records.Stored] = []
        dropped = 0
        while True:
            new = await self._store.after(seq, _READ)
            now = time.time_ns()
            found += [each for each in new if wanted.matches(each, now)]
            dropped += max(0, len(found) - _SHOWN)
            found = found[-_SHOWN:]
            if new:
                seq = new[-1].seq
            if len(new) < _READ:
                return seq, found[::-1], dropped


def _data(found: Sequence[records.Stored], more: int) -> str:
    return json.dumps({"alerts": [shapes.row(each) for each in found], "more": more}, separators=(",", ":"))

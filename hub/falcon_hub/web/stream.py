"""The live tail: GET /api/v1/stream, server-sent events of alerts that fit the filter, as they are committed.

An event is a batch, `{"alerts": [...newest first], "more": n}`: of a burst only the newest are worth sending to a page,
which shows forty. An event of the kind `marks` tells what people have said of any alerts since:
`{"acknowledged": {UUID: {...} or null}, "silences": true if one was made or ended}`. An event's id says how far store
and audit log were read, so a browser that reconnects misses nothing.
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
        self._waiting: set[asyncio.Task[bool]] = set()
        self._ended = False

    async def end(self, _application: web.Application) -> None:
        """At the end of the hub, which would wait for its streams: they never end by themselves. Browsers come back."""
        self._ended = True
        for each in self._waiting:
            each.cancel()

    async def follow(self, request: web.Request) -> web.StreamResponse:
        await self._access.require(request)
        wanted = asking.chosen(request.query, besides=frozenset({"after"}))
        seq, note = _position(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
        if seq is None:
            seq = await self._store.read(numbers.last_seq)
        if note is None:
            note = await self._store.last_note()
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(f"retry: {_RETRY_MS}\nid: {seq}-{note}\ndata: {_data([], 0)}\n\n".encode())
        # The browser went away, or comes back by itself: when the store does, or to learn that its session has ended.
        with contextlib.suppress(ConnectionError, records.Unavailable, web.HTTPException):
            await self._send(request, response, wanted, seq, note)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, wanted: filters.Filter, seq: int, note: int
    ) -> None:
        checked = time.monotonic()
        while not self._ended:
            there = await self._news(seq, note)
            if self._ended:
                return
            if not there or time.monotonic() - checked > _QUIET_SECONDS:
                await self._access.require(request)
                checked = time.monotonic()
            if not there:
                await response.write(b": still here\n\n")
                continue
            before = seq
            seq, found, more = await self._read(wanted, seq)
            if seq > before:
                # The id moves on even when nothing fits.
                await response.write(f"id: {seq}-{note}\ndata: {_data(found, more)}\n\n".encode())
            # Behind the alerts: what is said of one that just came finds it there.
            said = await self._store.marks(note)
            note = said.note
            if said.alerts or said.silences:
                await response.write(f"event: marks\nid: {seq}-{note}\ndata: {_marks(said)}\n\n".encode())
            await asyncio.sleep(_SETTLE_SECONDS)

    async def _news(self, seq: int, note: int) -> bool:
        """Waits for them, quiet for too long, or the end."""
        waiting = asyncio.create_task(self._store.wait_for_news(seq, note, _QUIET_SECONDS))
        self._waiting.add(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not self._ended:
                raise
            return False
        finally:
            self._waiting.discard(waiting)

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


def _position(text: str) -> tuple[int | None, int | None]:
    """Of an event's id: how far the store was read, and the audit log. None where it does not say."""
    seq, _, note = text.partition("-")
    return _number(seq), _number(note)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _marks(said: records.Marks) -> str:
    alerts = {uuid: None if mark is None else shapes.acknowledgement(mark) for uuid, mark in said.alerts.items()}
    return json.dumps({"acknowledged": alerts, "silences": said.silences}, separators=(",", ":"))


def _data(found: Sequence[records.Stored], more: int) -> str:
    return json.dumps({"alerts": [shapes.row(each) for each in found], "more": more}, separators=(",", ":"))

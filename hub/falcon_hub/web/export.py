"""Everything that fits the filter, as a file: GET /api/v1/export.json and export.csv, sent as it is read."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from falcon_hub.access import access
from falcon_hub.store import filters, records, store
from falcon_hub.web import asking, shapes
from falcon_rules import times

_PAGE = 500
COLUMNS: Final = (
    *("time", "priority", "rule", "source", "hostname", "namespace", "pod", "container", "image", "tags", "output"),
    *("uuid", "acknowledged_by", "acknowledged_reason", "silenced", "output_fields"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula and carries it out; alerts hold texts of attackers."""

Write = Callable[[str], Awaitable[None]]


class Export:
    def __init__(self, kept: store.Store, door: access.Access) -> None:
        self._store, self._access = kept, door

    async def as_json(self, request: web.Request) -> web.StreamResponse:
        return await self._export(request, "json", "application/json", self._json)

    async def as_csv(self, request: web.Request) -> web.StreamResponse:
        return await self._export(request, "csv", "text/csv; charset=utf-8", self._csv)

    async def _export(
        self,
        request: web.Request,
        kind: str,
        content_type: str,
        write: Callable[[filters.Filter, Write], Awaitable[None]],
    ) -> web.StreamResponse:
        who = await self._access.require(request)
        wanted = asking.chosen(request.query)
        if wanted.until_ns is None:
            # What comes while the file is written is not in it.
            wanted = dataclasses.replace(wanted, until_ns=time.time_ns())
        await self._access.log(who, "export", {"query": request.query_string}, request=request)
        name = f"falcon-alerts-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.{kind}"
        response = web.StreamResponse(
            headers={"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
        )
        response.enable_compression()
        await response.prepare(request)

        async def send(text: str) -> None:
            await response.write(text.encode("utf-8", "backslashreplace"))

        await write(wanted, send)
        await response.write_eof()
        return response

    async def _json(self, wanted: filters.Filter, write: Write) -> None:
        """An array, an alert a line."""
        first = True
        async for rows in self._pages(wanted):
            lines = [json.dumps(shapes.exported(each), ensure_ascii=False) for each in rows]
            await write(("[\n" if first else ",\n") + ",\n".join(lines))
            first = False
        await write("[]\n" if first else "\n]\n")

    async def _csv(self, wanted: filters.Filter, write: Write) -> None:
        await write(_lines([COLUMNS]))
        async for rows in self._pages(wanted):
            await write(_lines([_cells(each) for each in rows]))

    async def _pages(self, wanted: filters.Filter) -> AsyncIterator[list[records.Stored]]:
        before: str | None = None
        while True:
            page = await self._store.page(wanted, before, _PAGE)
            if page.rows:
                yield page.rows
            before = page.next
            if before is None:
                return


def _lines(rows: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _cells(stored: records.Stored) -> list[str]:
    alert, mark = stored.alert, stored.acknowledgement
    cells = [
        *(times.rfc3339(alert.time_ns), alert.priority.label, alert.rule, alert.source, alert.hostname),
        *(alert.namespace, alert.pod, alert.container, alert.image, " ".join(alert.tags), alert.message, alert.uuid),
        *(mark.who if mark else "", mark.reason if mark else "", "yes" if stored.silence is not None else "no"),
        json.dumps(alert.fields, ensure_ascii=False, sort_keys=True),
    ]
    return [_harmless(str(each or "")) for each in cells]


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text

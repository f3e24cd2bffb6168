"""The audit log: GET /api/v1/audit, who did what and when. For administrators: it tells of everybody's logins."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from falcon_hub.access import access, roles
from falcon_hub.store import records, store
from falcon_hub.web import asking, shapes

_MOST: Final = 500
_DIGITS: Final = 19
"""Of 2**63, beyond which databases count no further."""


class History:
    def __init__(self, kept: store.Store, door: access.Access) -> None:
        self._store, self._access = kept, door

    async def page(self, request: web.Request) -> web.Response:
        """GET /api/v1/audit?limit=&before=: newest first."""
        await self._access.require(request, roles.ADMIN)
        limit = asking.number(request.query, "limit", 100, _MOST)
        before = _position(request.query["before"]) if request.query.get("before") else None
        found = await self._store.accounts.audit(limit + 1, before)
        shown = found[:limit]
        following = f"{shown[-1].at_ns}-{shown[-1].id}" if len(found) > limit else None
        return web.json_response({"entries": [shapes.entry(each) for each in shown], "next": following})


def _position(text: str) -> records.AuditEntry:
    at_ns, dash, number = text.partition("-")
    numbers = text.isascii() and dash and at_ns.isdecimal() and number.isdecimal()
    if not numbers or len(at_ns) > _DIGITS or len(number) > _DIGITS or int(at_ns) >= 2**63 or int(number) >= 2**63:
        raise asking.BadQuestion("before must be the `next` of an earlier page")
    return records.AuditEntry(int(at_ns), "", "", id=int(number))

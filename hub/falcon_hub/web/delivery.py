"""How the sinks do: GET /api/v1/sinks, and what can be done about dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from falcon_hub.access import access, roles
from falcon_hub.store import store

States = Callable[[], Awaitable[Sequence[dict[str, Any]]]]
"""What routing tells of each sink, in the shape of `Sink` in hub/web/src/types.ts."""

_AT_ONCE = 500


class Delivery:
    def __init__(self, kept: store.Store, door: access.Access, states: States) -> None:
        self._store, self._access, self._states = kept, door, states

    async def sinks(self, request: web.Request) -> web.Response:
        await self._access.require(request)
        return web.json_response({"sinks": list(await self._states())})

    async def retry(self, request: web.Request) -> web.Response:
        """POST /api/v1/sinks/NAME/dead-letters/retry: all of them once more."""
        who = await self._access.require(request, roles.ADMIN)
        name = request.match_info["name"]
        ids: list[int] = []
        while found := await self._store.dead_letters.list(name, _AT_ONCE, ids[-1] if ids else 0):
            ids += [each.id for each in found]
        marked = await self._store.dead_letters.retry(ids) if ids else 0
        await self._access.log(who, "retry dead letters", {"sink": name, "letters": marked}, request=request)
        return web.json_response({"marked": marked})

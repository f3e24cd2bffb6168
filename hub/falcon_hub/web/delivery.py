"""How the sinks do, what they could not deliver, and what can be done about that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from falcon_hub.access import access, roles
from falcon_hub.store import store
from falcon_hub.web import asking, bodies, shapes

States = Callable[[], Awaitable[Sequence[dict[str, Any]]]]
"""What routing tells of each sink, in the shape of `Sink` in hub/web/src/types.ts."""

_MOST_LETTERS = 500
_MOST_IDS = 100
"""Dead letters that one request may name. All of a sink is another request."""
_HIGHEST_ID = 999_999_999


class Delivery:
    def __init__(self, kept: store.Store, door: access.Access, states: States) -> None:
        self._store, self._access, self._states = kept, door, states

    async def sinks(self, request: web.Request) -> web.Response:
        """GET /api/v1/sinks."""
        await self._access.require(request)
        return web.json_response({"sinks": list(await self._states())})

    async def letters(self, request: web.Request) -> web.Response:
        """GET /api/v1/sinks/NAME/dead-letters?limit=&after=: oldest first. For administrators: a receiver's answer may
        tell of what only they set up."""
        await self._access.require(request, roles.ADMIN)
        limit = asking.number(request.query, "limit", 100, _MOST_LETTERS)
        after = asking.number(request.query, "after", 1, _HIGHEST_ID) if "after" in request.query else 0
        found = await self._store.dead_letters.list(request.match_info["name"], limit + 1, after)
        shown = found[:limit]
        following = str(shown[-1].id) if len(found) > limit else None
        return web.json_response({"letters": [shapes.letter(each) for each in shown], "next": following})

    async def retry(self, request: web.Request) -> web.Response:
        """POST /api/v1/sinks/NAME/dead-letters/retry {ids?}: once more."""
        return await self._change(request, "retry dead letters", "marked", self._store.dead_letters.retry)

    async def drop(self, request: web.Request) -> web.Response:
        """POST /api/v1/sinks/NAME/dead-letters/drop {ids?}: they are not delivered any more. The alerts stay."""
        return await self._change(request, "drop dead letters", "dropped", self._store.dead_letters.drop)

    async def _change(
        self, request: web.Request, action: str, done: str, act: Callable[..., Awaitable[int]]
    ) -> web.Response:
        """Those whose ids the body names, or without a body all of the sink."""
        who = await self._access.require(request, roles.ADMIN)
        name = request.match_info["name"]
        ids = _ids(await bodies.object_of(request)) if request.can_read_body else None
        # Asked for first: what is dropped cannot be named any more.
        named = [] if ids is None else await self._store.dead_letters.list(name, len(ids), ids=ids)
        number = await act(ids, sink=name)
        detail: dict[str, Any] = {"sink": name, "letters": number}
        if ids is not None:
            detail["alerts"] = [each.alert.uuid for each in named]
        await self._access.log(who, action, detail, request=request)
        return web.json_response({done: number})


def _ids(body: dict[str, Any]) -> list[int] | None:
    """None: all. Raises BadQuestion."""
    if "ids" not in body:
        return None
    ids = body["ids"]
    if (
        not isinstance(ids, list)
        or not 0 < len(ids) <= _MOST_IDS
        or not all(type(each) is int and 0 < each < _HIGHEST_ID for each in ids)
    ):
        raise asking.BadQuestion(f"ids must be a list of numbers of dead letters, at most {_MOST_IDS}; without: all")
    return ids

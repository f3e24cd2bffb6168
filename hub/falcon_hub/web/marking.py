"""What people say about alerts: acknowledgements and silences. For administrators, and in the audit log."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from falcon_hub.access import access, roles
from falcon_hub.store import marks, store
from falcon_hub.web import asking, bodies, reading, shapes

_MOST_REASON = 1000


class Marking:
    def __init__(self, kept: store.Store, door: access.Access, questions: reading.Reading) -> None:
        self._store, self._access, self._questions = kept, door, questions

    async def acknowledge(self, request: web.Request) -> web.Response:
        """POST /api/v1/alerts/UUID/acknowledge {reason, expires?}."""
        who = await self._access.require(request, roles.ADMIN)
        body = await bodies.object_of(request)
        reason, expires = _reason(body), _expires(body)
        stored = await self._questions.stored(request)
        uuid = stored.alert.uuid
        if not await self._store.acknowledgements.set(uuid, who=who.name, reason=reason, expires_ns=expires):
            raise web.HTTPNotFound(text="There is no such alert any more.")
        await self._access.log(who, marks.ACKNOWLEDGE, {marks.ALERT: uuid, "reason": reason}, request=request)
        found = await self._store.get(uuid)
        return web.json_response(shapes.row(found or stored))

    async def take_back(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/alerts/UUID/acknowledge."""
        who = await self._access.require(request, roles.ADMIN)
        stored = await self._questions.stored(request)
        await self._store.acknowledgements.clear(stored.alert.uuid)
        await self._access.log(who, marks.TAKE_BACK, {marks.ALERT: stored.alert.uuid}, request=request)
        return web.Response(status=204)

    async def silences(self, request: web.Request) -> web.Response:
        """GET /api/v1/silences?over=yes: newest first; over: those that have ended, too."""
        await self._access.require(request)
        found = await self._store.silences.list(over_too=request.query.get("over") == "yes")
        now = time.time_ns()
        return web.json_response({"silences": [shapes.silence(each, now) for each in found]})

    async def silence(self, request: web.Request) -> web.Response:
        """POST /api/v1/silences {matchers: {dimension: [value]}, reason, expires}."""
        who = await self._access.require(request, roles.ADMIN)
        body = await bodies.object_of(request)
        expires = _expires(body)
        if expires is None:
            raise asking.BadQuestion("a silence needs an end: expires, an RFC 3339 time")
        matchers, reason = _matchers(body.get("matchers")), _reason(body)
        try:
            made = await self._store.silences.add(matchers, who=who.name, reason=reason, expires_ns=expires)
        except ValueError as error:
            raise asking.BadQuestion(str(error)) from None
        shown = shapes.silence(made, time.time_ns())
        covered = "; ".join(f"{name}: {', '.join(values)}" for name, values in matchers.items())
        await self._access.log(
            who,
            marks.SILENCE,
            {"id": str(made.id), "matchers": covered, "reason": reason, "expires": shown["expires"]},
            request=request,
        )
        return web.json_response(shown, status=201)

    async def end(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/silences/ID: from now on."""
        who = await self._access.require(request, roles.ADMIN)
        number = int(request.match_info["id"])
        if not await self._store.silences.end(number):
            raise web.HTTPNotFound(text="There is no such silence in force.")
        await self._access.log(who, marks.END_SILENCE, {"id": str(number)}, request=request)
        return web.Response(status=204)


def _reason(body: dict[str, Any]) -> str:
    reason = body.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise asking.BadQuestion("a reason is needed: whoever looks at this later wants to know why")
    if len(reason) > _MOST_REASON:
        raise asking.BadQuestion(f"the reason has more than {_MOST_REASON} characters")
    return reason.strip()


def _expires(body: dict[str, Any]) -> int | None:
    text = body.get("expires")
    if text is None:
        return None
    if not isinstance(text, str):
        raise asking.BadQuestion("expires must be an RFC 3339 time")
    found = asking.moment(text, "expires")
    if found <= time.time_ns():
        raise asking.BadQuestion("expires must be in the future")
    return found


def _matchers(given: Any) -> dict[str, list[str]]:
    if not isinstance(given, dict) or not all(
        isinstance(values, list) and all(isinstance(each, str) and each for each in values) for values in given.values()
    ):
        raise asking.BadQuestion('matchers must be an object of lists of texts, such as {"rule": ["Shell"]}')
    return given

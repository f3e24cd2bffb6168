"""In and out: who is logged in, by which ways one can, and the login itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from falcon_hub.access import access
from falcon_hub.web import asking, bodies


class Entering:
    """single_sign_on: what the button for it says, None: there is none."""

    def __init__(self, door: access.Access, single_sign_on: str | None) -> None:
        self._access, self._single_sign_on = door, single_sign_on

    async def me(self, request: web.Request) -> web.Response:
        """GET /api/v1/me: null for nobody, which is no error: so the page learns that it must ask for a login."""
        who = await self._access.who(request)
        return web.json_response(None) if who is None else _session(who)

    async def ways(self, _request: web.Request) -> web.Response:
        """GET /api/v1/login: what the login page offers."""
        return web.json_response({"password": True, "oidc": self._single_sign_on})

    async def login(self, request: web.Request) -> web.Response:
        """POST /api/v1/login {user, password}."""
        body = await bodies.object_of(request)
        user, password = body.get("user"), body.get("password")
        if not isinstance(user, str) or not isinstance(password, str) or not user:
            raise asking.BadQuestion("user and password are needed")
        entered = web.Response()
        try:
            who = await self._access.login(request, entered, user, password)
        except access.LoginRefused as error:
            return _refused(error)
        response = _session(who)
        response.cookies.update(entered.cookies)
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """POST /api/v1/logout."""
        who = await self._access.require(request)
        await self._access.log(who, "logout", request=request)
        response = web.Response(status=204)
        await self._access.logout(request, response)
        return response


def _session(who: access.Who) -> web.Response:
    shown: Mapping[str, Any] = {"user": who.name, "role": who.role, "csrf": who.csrf}
    return web.json_response(shown)


def _refused(error: access.LoginRefused) -> web.Response:
    if error.retry_after is None:
        return web.json_response({"error": str(error)}, status=401)
    headers = {"Retry-After": str(math.ceil(error.retry_after))}
    return web.json_response({"error": str(error)}, status=429, headers=headers)

"""Login by OpenID Connect: authorization code flow with PKCE.

    GET /api/v1/oidc/login?next=/...  -> the provider -> GET /api/v1/oidc/callback -> /...

What must be remembered in between lies in a cookie of ten minutes, so any replica can take the answer, and an answer
in another browser than the one that asked is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web
from yarl import URL

from falcon_hub.access import access, provider, roles
from falcon_hub.settings import model

LOGIN: Final = "/api/v1/oidc/login"
CALLBACK: Final = "/api/v1/oidc/callback"
_COOKIE: Final = "falcon-hub-login"
_MINUTES: Final = 10


class Oidc:
    """say: for the log of whoever runs the hub."""

    def __init__(self, door: access.Access, wanted: model.Oidc, say: Callable[[str], None]) -> None:
        self._access, self._wanted, self._say = door, wanted, say
        self._provider = provider.Provider(wanted)

    def add(self, application: web.Application) -> None:
        application.router.add_get(LOGIN, self.login)
        application.router.add_get(CALLBACK, self.callback)

    async def login(self, request: web.Request) -> web.Response:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        try:
            endpoint = URL(await self._provider.endpoint("authorization_endpoint"))
        except provider.ProviderError as error:
            return self._failed(str(error), 502)
        where = endpoint.update_query(
            response_type="code",
            client_id=self._wanted.client_id,
            redirect_uri=self._redirect(request),
            scope=self._wanted.scopes,
            state=state,
            nonce=nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
        )
        response = web.Response(status=302, headers={"Location": str(where)})
        kept = json.dumps([state, nonce, verifier, _local(request.query.get("next", "/"))])
        response.set_cookie(
            self._cookie(request),
            base64.urlsafe_b64encode(kept.encode()).decode(),
            max_age=_MINUTES * 60,
            path="/",
            httponly=True,
            secure=self._access.addresses.secure(request),
            samesite="Lax",
        )
        return response

    async def callback(self, request: web.Request) -> web.Response:
        kept = _kept(request.cookies.get(self._cookie(request), ""))
        if kept is None or not hmac.compare_digest(kept[0].encode(), request.query.get("state", "").encode()):
            return self._failed("the login took too long, or was begun in another browser", 400)
        if problem := request.query.get("error"):
            return self._failed(f"the provider says: {problem[:100]}", 403)
        _state, nonce, verifier, following = kept
        code = request.query.get("code", "")
        try:
            claims = await self._provider.claims(code, self._redirect(request), verifier, nonce)
        except provider.ProviderError as error:
            return self._failed(str(error), 502)
        name, role = user_name(claims, self._wanted), role_of(claims, self._wanted)
        if name is None or role is None:
            what = f"no {self._wanted.username_claim}" if name is None else "none of the groups that may look"
            return self._failed(f"{name or claims['sub']} has {what}", 403)
        response = web.Response(status=302, headers={"Location": following})
        response.del_cookie(self._cookie(request), path="/", secure=self._access.addresses.secure(request))
        await self._access.admit(request, response, name, role, "oidc")
        return response

    def _redirect(self, request: web.Request) -> str:
        return self._access.addresses.own(request) + CALLBACK

    def _cookie(self, request: web.Request) -> str:
        return f"__Host-{_COOKIE}" if self._access.addresses.secure(request) else _COOKIE

    def _failed(self, text: str, status: int) -> web.Response:
        self._say(f"login by OpenID Connect failed: {text}")
        return web.Response(status=status, text=f"Login failed: {text}.\nGo back to the hub's page to try again.\n")


def user_name(claims: Mapping[str, Any], wanted: model.Oidc) -> str | None:
    """None: the provider does not say, or has not checked the address that it says."""
    found = claims.get(wanted.username_claim)
    if not isinstance(found, str) or not found:
        return None
    if wanted.username_claim == "email" and claims.get("email_verified") is False:
        return None
    return found[:200]


def role_of(claims: Mapping[str, Any], wanted: model.Oidc) -> str | None:
    """The greatest role that the groups give; None: not even a viewer."""
    given = claims.get(wanted.roles_claim)
    several = given if isinstance(given, list) else [given]
    groups = {each for each in several if isinstance(each, str)}
    if groups & set(wanted.admins):
        return roles.ADMIN
    if groups & set(wanted.viewers) or "*" in wanted.viewers:
        return roles.VIEWER
    return None


def _local(path: str) -> str:
    """A way within the hub: a link must not use the login to lead people elsewhere."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path[:2000] if safe else "/"


def _kept(cookie: str) -> list[str] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(cookie.encode()))
    except ValueError:
        return None
    whole = isinstance(found, list) and len(found) == 4 and all(isinstance(each, str) for each in found)
    return found if whole else None

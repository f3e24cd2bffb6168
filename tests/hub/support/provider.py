"""A stand-in for an OpenID Connect provider, on a port of loopback: discovery, authorization, token, keys, userinfo.

Signs with a key of its own. It checks what a real one checks (redirect, code, PKCE, the client's secret), and can be
told to misbehave (`spoil`), which a real one could not.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import test_utils, web
from joserfc import jwk, jwt

CLIENT, SECRET = "falcon", "client:secret/with signs"


class Provider:
    """person: the claims it makes about whoever comes. spoil: changes claims or header before signing."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "1", "email": "anna@example.com", "groups": ["ops"]}
        self.info: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], Any] = lambda claims: None
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "first"})
        self.sign_with: Any = None
        self.algorithm = "RS256"
        self._codes: dict[str, dict[str, str]] = {}
        application = web.Application()
        application.router.add_get("/.well-known/openid-configuration", self._discovery)
        application.router.add_get("/authorize", self._authorize)
        application.router.add_post("/token", self._token)
        application.router.add_get("/keys", self._keys)
        application.router.add_get("/userinfo", self._userinfo)
        self._server = test_utils.TestServer(application)

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    @property
    def issuer(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert asked["tenant"] == "1"
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        raise web.HTTPFound(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        user, _, password = base64.b64decode(request.headers["Authorization"].split()[1]).decode().partition(":")
        right = user == CLIENT and unquote(password) == SECRET
        asked = self._codes.pop(str(form["code"]), None)
        if asked is None or not right or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=")
        if challenge.decode() != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        self.spoil(claims)
        key = self.sign_with or self.key
        token = jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key)
        return web.json_response({"id_token": token, "access_token": "an-access-token", "token_type": "Bearer"})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer an-access-token"
        return web.json_response(self.info)

"""An OpenID Connect provider, as far as a login needs it: where its endpoints are, codes for tokens, who a token is.

Signatures are joserfc's business; what must be in a token is this module's (OpenID Connect Core 1.0, 3.1.3.7).
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import joserfc.errors
from joserfc import jwk, jwt

from falcon_hub.settings import model

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by the provider's own key. Those by a shared secret, and none at all, are not believed."""
_FRESH_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 10.0
"""Keys are fetched anew for a key that is not known, but not more often than this: anybody can name such a key."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_LEEWAY_SECONDS: Final = 60


class ProviderError(Exception):
    """The provider is not to be had, or what came is not what a login needs. For logs, without secrets."""


@dataclass(slots=True)
class _Known:
    """endpoints: the provider's own description. keys: those that sign its tokens."""

    endpoints: Mapping[str, Any]
    keys: jwk.KeySet
    at: float


class Provider:
    def __init__(self, wanted: model.Oidc) -> None:
        self._wanted = wanted
        self._known: _Known | None = None
        self._lock = asyncio.Lock()

    async def endpoint(self, name: str) -> str:
        found = (await self._now()).endpoints.get(name)
        if not isinstance(found, str):
            raise ProviderError(f"{self._wanted.issuer} has no {name}")
        return found

    async def claims(self, code: str, redirect: str, verifier: str, nonce: str) -> dict[str, Any]:
        """What the provider says of the person that the code stands for. Raises ProviderError."""
        token = await self._exchange(code, redirect, verifier)
        text = token.get("id_token")
        if not isinstance(text, str):
            raise ProviderError("the provider's answer has no id_token")
        claims = await self._checked(text, nonce)
        needed = {self._wanted.username_claim, self._wanted.roles_claim}
        if needed - claims.keys() and isinstance(token.get("access_token"), str):
            claims = await self._more(claims, token["access_token"])
        return claims

    async def _exchange(self, code: str, redirect: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": self._wanted.client_id,
        }
        known = await self._now()
        secret = self._wanted.client_secret.reveal() if self._wanted.client_secret else None
        headers = {}
        if secret is not None:
            # The way that every provider must know, unless it says that it does not.
            ways = known.endpoints.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            if "client_secret_basic" in ways:
                # RFC 6749 2.3.1: each part form-encoded first.
                pair = f"{quote(self._wanted.client_id, safe='')}:{quote(secret, safe='')}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            else:
                form["client_secret"] = secret
        return await self._ask("POST", await self.endpoint("token_endpoint"), data=form, headers=headers)

    async def _checked(self, text: str, nonce: str) -> dict[str, Any]:
        try:
            token = await self._decoded(text)
            claims = dict(token.claims)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self._wanted.issuer},
                aud={"essential": True, "value": self._wanted.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except joserfc.errors.JoseError as error:
            raise ProviderError(f"the provider's id_token is not valid: {error}") from None
        except ValueError as error:
            raise ProviderError(f"the provider's id_token cannot be read: {error}") from None
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._wanted.client_id:
            raise ProviderError("the provider's id_token is for somebody else too")
        return claims

    async def _decoded(self, text: str) -> jwt.Token:
        known = await self._now()
        try:
            return jwt.decode(text, known.keys, algorithms=ALGORITHMS)
        except (joserfc.errors.InvalidKeyIdError, joserfc.errors.BadSignatureError):
            # It may have new keys.
            if time.monotonic() - known.at < _AGAIN_SECONDS:
                raise
        return jwt.decode(text, (await self._now(newer_than=known.at)).keys, algorithms=ALGORITHMS)

    async def _more(self, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """What the provider tells only when it is asked; about the same person, of course."""
        url = (await self._now()).endpoints.get("userinfo_endpoint")
        if not isinstance(url, str):
            return claims
        found = await self._ask("GET", url, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != claims["sub"]:
            raise ProviderError("the provider's userinfo is about somebody else")
        return {**found, **claims}

    async def _now(self, newer_than: float | None = None) -> _Known:
        async with self._lock:
            known = self._known
            stale = known is None or time.monotonic() - known.at > _FRESH_SECONDS
            if known is None or stale or (newer_than is not None and known.at <= newer_than):
                known = self._known = await self._fetched()
            return known

    async def _fetched(self) -> _Known:
        issuer = self._wanted.issuer
        endpoints = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if endpoints.get("issuer") != issuer:
            raise ProviderError(
                f"the provider calls itself {endpoints.get('issuer')!r}, but access.oidc.issuer {issuer!r}"
            )
        if not isinstance(endpoints.get("jwks_uri"), str):
            raise ProviderError(f"{issuer} has no jwks_uri")
        try:
            keys = jwk.KeySet.import_key_set(await self._ask("GET", endpoints["jwks_uri"]))  # type: ignore[arg-type]
        except (joserfc.errors.JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"the provider's keys cannot be read: {error}") from None
        return _Known(endpoints, keys, time.monotonic())

    async def _ask(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        context: ssl.SSLContext | bool = True
        try:
            if self._wanted.ca_cert:
                context = ssl.create_default_context(cafile=self._wanted.ca_cert)
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(method, url, ssl=context, allow_redirects=False, **more) as answer,
            ):
                found = await answer.json(content_type=None)
                if answer.status != 200:
                    reason = found.get("error", "") if isinstance(found, dict) else ""
                    raise ProviderError(f"{url} answers HTTP {answer.status} {str(reason)[:100]}".rstrip())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise ProviderError(f"{url}: {type(error).__name__}: {error}"[:300]) from None
        if not isinstance(found, dict):
            raise ProviderError(f"{url} answers no JSON object")
        return found

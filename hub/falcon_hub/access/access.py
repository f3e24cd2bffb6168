"""The door: who is asking, may they, and letting people in and out."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from falcon_hub.access import addresses, limits, passwords, roles
from falcon_hub.settings import model
from falcon_hub.store import accounts, records

CSRF_HEADER: Final = "X-CSRF-Token"
_COOKIE: Final = "falcon-hub"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NS: Final = 1_000_000_000
_SHORTEST_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who may be here. csrf: what the page must send with every change, empty for programs with a token."""

    name: str
    role: str
    csrf: str = ""

    @property
    def admin(self) -> bool:
        return self.role == roles.ADMIN


class LoginRefused(Exception):
    """The text is for the person. retry_after: seconds to wait, after too many failures."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Access:
    """Raises ValueError for settings that cannot be meant, secrets.Unreadable for a token that is not there."""

    def __init__(self, kept: accounts.Accounts, wanted: model.Access, public_url: str = "") -> None:
        self._accounts, self._wanted = kept, wanted
        self.addresses = addresses.Addresses(wanted.trusted_proxies, public_url)
        self._failures = limits.Failures(wanted.attempts_per_minute)
        self._verifier = passwords.Verifier()
        for each in wanted.reader_tokens:
            if len(each.token.reveal()) < _SHORTEST_TOKEN:
                raise ValueError(f"access.reader_tokens: {each.name}: a token needs {_SHORTEST_TOKEN} characters")

    async def who(self, request: web.Request) -> Who | None:
        """Who is asking, None: nobody knows."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._program(token.strip())
        cookie = request.cookies.get(self._cookie(request))
        if not cookie:
            return None
        session = await self._accounts.session(_hash(cookie))
        return None if session is None else Who(session.user, session.role, session.csrf)

    async def require(self, request: web.Request, role: str = roles.VIEWER) -> Who:
        """Raises 401 when nobody is logged in, 403 when the role does not suffice or a change lacks its CSRF token."""
        who = await self.who(request)
        if who is None:
            raise _error(web.HTTPUnauthorized, "log in, or send a reader's token")
        if request.method not in _SAFE and who.csrf:
            given = request.headers.get(CSRF_HEADER, "")
            if self.addresses.foreign(request) or not hmac.compare_digest(given.encode(), who.csrf.encode()):
                raise _error(web.HTTPForbidden, f"a change must come from the hub's own page, with {CSRF_HEADER}")
        if not roles.allows(who.role, role):
            raise _error(web.HTTPForbidden, f"this needs the role {role}")
        return who

    async def login(self, request: web.Request, response: web.StreamResponse, name: str, password: str) -> Who:
        """Opens a session; its cookie is put onto `response`. Raises LoginRefused."""
        if self.addresses.foreign(request):
            raise LoginRefused("log in on the hub's own page")
        address = self.addresses.client(request)
        keys = (f"address {address}", f"user {name[:200]}")
        if wait := self._failures.wait(*keys):
            raise LoginRefused(f"too many failed logins; try again in {int(wait) + 1} seconds", wait)
        # Counted before it is known, so that many at once do not slip through.
        self._failures.failed(*keys)
        user = await self._accounts.user(name)
        right = await self._verifier.matches(user.password_hash if user else None, password)
        if user is None or not right or user.disabled:
            await self._accounts.log(name[:200], "login refused", address=address)
            raise LoginRefused("name or password is wrong")
        self._failures.succeeded(keys[1])
        return await self.admit(request, response, user.name, user.role, "password")

    async def admit(self, request: web.Request, response: web.StreamResponse, name: str, role: str, by: str) -> Who:
        """Opens a session for somebody who has shown who they are."""
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = time.time_ns()
        seconds = self._wanted.session_hours * 3600
        session = records.Session(name, role, csrf, now, now + int(seconds * _NS))
        await self._accounts.add_session(_hash(cookie), session)
        await self._accounts.log(name, "login", {"by": by, "role": role}, self.addresses.client(request))
        response.set_cookie(
            self._cookie(request),
            cookie,
            max_age=int(seconds),
            path="/",
            httponly=True,
            secure=self.addresses.secure(request),
            # Lax: a link to an alert in a chat must find people logged in; changes need the CSRF token anyway.
            samesite="Lax",
        )
        return Who(name, role, csrf)

    async def logout(self, request: web.Request, response: web.StreamResponse) -> None:
        """Ends the session, here and in the store."""
        cookie = request.cookies.get(self._cookie(request))
        if cookie:
            await self._accounts.end_session(_hash(cookie))
        response.del_cookie(self._cookie(request), path="/", secure=self.addresses.secure(request), httponly=True)

    async def log(
        self, who: Who, action: str, detail: Mapping[str, Any] | None = None, *, request: web.Request
    ) -> None:
        """Into the audit log: what somebody changed."""
        await self._accounts.log(who.name, action, detail, self.addresses.client(request))

    def _cookie(self, request: web.Request) -> str:
        # Browsers take a cookie of this prefix from nobody but this very host, over HTTPS.
        return f"__Host-{_COOKIE}" if self.addresses.secure(request) else _COOKIE

    def _program(self, token: str) -> Who | None:
        found = None
        for each in self._wanted.reader_tokens:
            if hmac.compare_digest(_hash(each.token.reveal()), _hash(token)):
                found = Who(f"token {each.name}", each.role)
        return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _error(kind: type[web.HTTPException], text: str) -> web.HTTPException:
    return kind(text=json.dumps({"error": text}), content_type="application/json")

"""Requests to the API server: the verbs, by path, with plain JSON objects.

A small client of our own: the official one costs a process of this size 40 MB of models it never
uses. What keeps a long connection going is in `watch`.

    async with kube.Api(connection.find(None)) as api:
        await api.create("/apis/events.k8s.io/v1/namespaces/team/events", event)
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from falcon_sensor.clients import connection

Object = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"

TIMEOUT_SECONDS: Final = 15.0
"""Of a whole request. The largest, a node's pods, takes milliseconds; a connection that died silently must not hang."""

_CONNECT_SECONDS: Final = 5.0
_MOST_MESSAGE: Final = 500


class ApiError(Exception):
    """The server refused. status: HTTP's; reason: Kubernetes's (`Expired`, `AlreadyExists`, ...), maybe empty;
    retry_after: seconds it asks to wait, 0 when it does not."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"HTTP {status} {reason}: {message}"[:_MOST_MESSAGE])
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(Exception):
    """There was no answer, or none that makes sense. Whether a write took effect is not known."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a TokenReview says. username: ``system:serviceaccount:NAMESPACE:NAME``; error: why it is not valid."""

    authenticated: bool
    username: str = ""
    audiences: tuple[str, ...] = ()
    error: str = ""


class Api:
    """One connection pool; belongs to one event loop. Close it, or use it with `async with`.

    `requests` counts by verb and HTTP status ("none": no answer).
    """

    def __init__(self, to: connection.Connection, user_agent: str = "falcon-sensor") -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self._to = to
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str) -> Object:
        return await self.request("GET", path)

    async def list(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """The whole list object; its `metadata.resourceVersion` is where a watch goes on."""
        return await self.request("GET", path, query=query)

    async def create(self, path: str, body: Object) -> Object:
        return await self.request("POST", path, body=body)

    async def patch(self, path: str, body: Object, kind: str = MERGE_PATCH) -> Object:
        return await self.request("PATCH", path, body=body, content_type=kind)

    async def review_token(self, token: str, audiences: Sequence[str]) -> Review:
        """Has the API server look at somebody's token."""
        answer = await self.create(
            "/apis/authentication.k8s.io/v1/tokenreviews",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "spec": {"token": token, "audiences": list(audiences)},
            },
        )
        status = answer.get("status") or {}
        return Review(
            authenticated=status.get("authenticated") is True,
            username=str((status.get("user") or {}).get("username") or ""),
            audiences=tuple(map(str, status.get("audiences") or ())),
            error=str(status.get("error") or ""),
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        seconds: float = TIMEOUT_SECONDS,
    ) -> Object:
        """The answer's JSON object, waited for `seconds` at most. Raises ApiError and Unreachable."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        async with self._answer(method, path, query, body, content_type, limits) as response:
            return _object(await response.read())

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], idle_seconds: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of a watch as it comes. idle_seconds: without any byte for so long it counts as dead."""
        limits = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=idle_seconds)
        async with self._answer("WATCH", path, query, None, "application/json", limits) as response:
            yield response.content

    @asynccontextmanager
    async def _answer(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        content_type: str,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        code = "none"
        try:
            async with self._pool().request(
                "GET" if verb == "WATCH" else verb,
                self._to.server + path,
                params=query,
                data=None if body is None else json.dumps(body).encode(),
                headers=self._headers(content_type if body is not None else None),
                ssl=self._to.tls,
                timeout=limits,
                allow_redirects=False,  # a redirect could carry the token elsewhere
            ) as response:
                code = str(response.status)
                if response.status >= 300:
                    raise await self._refusal(response)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise Unreachable(f"no answer from the API server: {error or type(error).__name__}") from error
        except connection.NoConnection as error:
            raise Unreachable(str(error)) from error
        finally:
            self.requests[verb, code] += 1

    def _headers(self, content_type: str | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self._to.token is not None:
            headers["Authorization"] = f"Bearer {self._to.token.get()}"
        return headers

    async def _refusal(self, response: aiohttp.ClientResponse) -> ApiError:
        if response.status == 401 and self._to.token is not None:
            self._to.token.refused()
        answer = _object(await response.read(), lenient=True)
        try:
            wait = max(0.0, float(response.headers.get("Retry-After", "0")))
        except ValueError:
            wait = 0.0
        message = str(answer.get("message") or response.reason or "no reason given")
        return ApiError(response.status, str(answer.get("reason") or ""), message, wait)

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No proxies from the environment: the API server of a cluster is inside of it.
            self._session = aiohttp.ClientSession(trust_env=False)
        return self._session


def _object(data: bytes, *, lenient: bool = False) -> Object:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    text = data[:_MOST_MESSAGE].decode("utf-8", "replace")
    if lenient:
        return {"message": text}
    raise Unreachable(f"the API server's answer makes no sense: {text}")

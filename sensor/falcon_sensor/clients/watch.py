"""A list that is kept current: list, watch from there, and whatever it takes to go on.

    list -> Synced(all) -> watch -> Changed ... -> connection ends -> watch from the last version
                                                -> 410 Gone        -> list again -> Synced(all)

Bookmarks move the version on while nothing happens, so that a reconnect rarely meets a 410. A
failed attempt is repeated after growing pauses with jitter: five hundred sensors must not come
back in the same moment.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import aiohttp

from falcon_sensor.clients import kube

SERVER_SECONDS: Final = 300
"""How long the server shall keep one watch open: it then ends in order, and a dead one is noticed."""

_IDLE_SECONDS: Final = SERVER_SECONDS + 30.0
FIRST_PAUSE: Final = 0.1
MOST_PAUSE: Final = 10.0
_SHORT_SECONDS: Final = 1.0
_LINE_BYTES: Final = 4 << 20
"""An object is 1.5 MiB at most in etcd; JSON escapes make it longer."""


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything there is, now; what is not in it is gone."""

    items: Sequence[kube.Object]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object came, changed or went (`object` is its last state then)."""

    change: Change
    object: kube.Object


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and being rebuilt; what is known may be out of date. Told once until it is back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The watch is open again and goes on where it ended: nothing was missed."""


Event = Synced | Changed | Lost | Connected


class _Gone(Exception):
    """The version to go on from is no longer known there."""


class Watch:
    """`events()` of one resource, for ever.

    path: of the collection. query: selectors. pause: between failures, for tests.
    """

    def __init__(
        self,
        api: kube.Api,
        path: str,
        query: Mapping[str, str] | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._api = api
        self._path = path
        self._query = dict(query or {})
        self._pause = pause
        self._version: str | None = None
        self._lost = False

    async def events(self) -> AsyncIterator[Event]:
        failures = 0
        while True:
            try:
                if self._version is None:
                    listed = await self._api.list(self._path, self._query)
                    self._version = str((listed.get("metadata") or {}).get("resourceVersion") or "")
                    failures, self._lost = 0, False
                    yield Synced(listed.get("items") or [])
                opened = time.monotonic()
                async for event in self._watch():
                    failures = 0
                    yield event
                if time.monotonic() - opened < _SHORT_SECONDS:
                    # Something in between ends every watch at once: it must not become a flood of requests.
                    await self._wait(failures, 0.0)
                    failures += 1
            except _Gone:
                self._version = None
            except (kube.ApiError, kube.Unreachable) as error:
                if not self._lost:
                    self._lost = True
                    yield Lost(str(error))
                await self._wait(failures, getattr(error, "retry_after", 0.0))
                failures += 1

    async def _watch(self) -> AsyncIterator[Event]:
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(SERVER_SECONDS),
        }
        try:
            async with self._api.stream(self._path, query, _IDLE_SECONDS) as stream:
                if self._lost:
                    self._lost = False
                    yield Connected()
                async for line in _lines(stream):
                    if (event := self._event(line)) is not None:
                        yield event
        except kube.ApiError as error:
            if error.status == 410:
                raise _Gone from None
            raise

    def _event(self, line: bytes) -> Changed | None:
        try:
            value = json.loads(line)
            kind, found = value["type"], value["object"]
            if kind == "ERROR":
                if found.get("code") == 410:
                    raise _Gone
                raise kube.ApiError(int(found.get("code") or 0), str(found.get("reason")), str(found.get("message")))
            self._version = str(found["metadata"]["resourceVersion"])
            return None if kind == "BOOKMARK" else Changed(Change(kind), found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Part of an object, from a connection that broke, or something new: have everything told again.
            self._version = None
            raise kube.Unreachable(f"a watch event makes no sense: {error!r}") from None

    async def _wait(self, failures: int, asked: float) -> None:
        bound = min(MOST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 16))
        seconds = max(asked, random.uniform(bound / 2, bound))
        if self._pause is not None:
            self._pause(seconds)
        else:
            await asyncio.sleep(seconds)


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """aiohttp's own lines end at 64 KiB, and a pod may be larger."""
    rest = bytearray()
    async for part in stream.iter_any():
        rest += part
        *whole, last = rest.split(b"\n")
        rest = bytearray(last)
        for line in whole:
            if line.strip():
                yield bytes(line)
        if len(rest) > _LINE_BYTES:
            raise kube.Unreachable("a watch event is larger than any object can be")

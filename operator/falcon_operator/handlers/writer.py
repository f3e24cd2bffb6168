"""Writes statuses: only what differs from what is stored, only so often, and a few at a time.

A rollout to 500 nodes changes the counts of each rule 500 times within seconds. A change that only
moves counts waits; one that says something new (a condition turns, another generation) does not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import prometheus_client

from falcon_operator.clients import errors
from falcon_operator.clients.api import Object
from falcon_operator.clients.kinds import Kind
from falcon_operator.handlers.store import Key, Store
from falcon_operator.reconcile import resources

logger = logging.getLogger(__name__)

WRITES: Final = prometheus_client.Counter(
    "falcon_operator_status_writes_total", "Statuses that were written.", ["resource", "result"]
)

_AT_ONCE: Final = 8
"""500 statuses take a few seconds at that, and an API server has work for others."""
_COUNTS_FACTOR: Final = 10
"""How much rarer than others writes are that only move counts."""

_LIVELY: Final = frozenset({"nodes", "failedNodes", "drops", "lastContact"})
"""Members of statuses that change as a rollout goes on, or all the time."""


class Patches(Protocol):
    """The one request that is made here, see `clients.api.Api`."""

    async def patch(
        self, kind: Kind, name: str, patch: Object, namespace: str | None = None, subresource: str | None = None
    ) -> Object: ...


class Writer:
    """Statuses of one kind. changed: whether a new status is worth a write, given the old one. seconds: the shortest
    time between two writes of one object."""

    def __init__(
        self,
        api: Patches,
        store: Store[resources.Resource],
        changed: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._store = store
        self._changed = changed
        self._seconds = seconds
        self._clock = clock
        self._written: dict[Key, float] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def write(self, wanted: Mapping[Key, Object]) -> bool:
        """Brings the stored statuses in line with `wanted`; whether something is left for a later call."""
        self._written = {key: when for key, when in self._written.items() if key in wanted}
        results = await asyncio.gather(*(self._one(key, status) for key, status in wanted.items()))
        return not all(results)

    async def _one(self, key: Key, status: Object) -> bool:
        """Whether the object's status is as wanted now (or the object is gone)."""
        current = self._store[key]
        if current is None:
            return True
        patch = difference(current.status, status)
        if not patch or not self._changed(current.status, status):
            return True
        pause = self._seconds * (1 if says_something_new(current.status, status) else _COUNTS_FACTOR)
        if self._clock() - self._written.get(key, -pause) < pause:
            return False
        async with self._slots:
            return await self._send(key, self._store.version(key), patch)

    async def _send(self, key: Key, version: str, patch: Object) -> bool:
        namespace, name = key
        kind = self._store.kind
        # With the version the API server refuses a status for a namesake that was made meanwhile, as a conflict;
        # of the object's uid it takes no notice here.
        body = {"metadata": {"resourceVersion": version}, "status": patch}
        self._written[key] = self._clock()
        try:
            written = await self._api.patch(kind, name, body, namespace or None, "status")
        except errors.NotFound:
            WRITES.labels(kind.plural, "gone").inc()
            self._store.gone(key)
            return True
        except errors.Conflict:
            # What changed it is on its way here, and is looked at again.
            WRITES.labels(kind.plural, "conflict").inc()
            return False
        except (errors.ApiError, errors.Unreachable) as error:
            WRITES.labels(kind.plural, "failed").inc()
            logger.warning("cannot write the status of %s %s: %s", kind.name, name, error)
            return False
        WRITES.labels(kind.plural, "written").inc()
        self._store.written(written)
        return True


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """The JSON merge patch that turns `old` into `new`: lists are replaced whole, null removes. None is absence."""
    wanted = {key: value for key, value in new.items() if value is not None}
    patch: Object = dict.fromkeys(old.keys() - wanted.keys())
    for key, value in wanted.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := difference(before, value):
                patch[key] = inner
        elif before != value:
            patch[key] = value
    return patch


def says_something_new(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether more differs than counts and texts that have counts in them."""
    keys = (old.keys() | new.keys()) - _LIVELY
    return any(_essence(old.get(key)) != _essence(new.get(key)) for key in keys)


def _essence(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _essence(each) for key, each in value.items() if key not in ("message", "lastTransitionTime")}
    if isinstance(value, list):
        return [_essence(each) for each in value]
    return value or None

"""Lists every kind when the operator starts, and from time to time compares lists with what is known.

A watch tells of changes, not of what it missed: kopf lists anew after an interruption, but an
object deleted meanwhile is in no list; and a watch can die in ways that nobody notices. A rule that
is not known is a rule that is not distributed, so what should be known is counted again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import prometheus_client

from falcon_operator.clients import errors
from falcon_operator.clients.api import Api, Listing
from falcon_operator.handlers.store import Key, Store
from falcon_operator.handlers.watch import Watch

logger = logging.getLogger(__name__)

MISSED: Final = prometheus_client.Counter(
    "falcon_operator_watch_missed_total", "Changes that a watch missed and a comparison found.", ["resource"]
)

_EVERY_SECONDS: Final = 120.0
"""Between comparisons that nothing called for: lists of metadata of seven kinds cost the API server next to nothing."""
_SETTLE_SECONDS: Final = 3.0
"""A difference that lasts longer was missed; one on its way is here within milliseconds."""
_RETRY_SECONDS: Final = 1.0


@dataclass(eq=False)
class Subject:
    """One kind under audit: where its objects are kept, how to list them, and the watch to start anew."""

    store: Store[Any]
    watch: Watch | None = None
    suspects: dict[Key, str] = field(default_factory=dict)

    @property
    def where(self) -> tuple[str | None, str]:
        """Namespace and labels of the watch."""
        return (self.watch.selection.namespace, self.watch.selection.labels) if self.watch else (None, "")


class Audit:
    """`run` lists everything, calls `synced`, then compares until cancelled."""

    def __init__(self, api: Api, subjects: Sequence[Subject], synced: Callable[[], None]) -> None:
        self._api = api
        self._subjects = subjects
        self._synced = synced
        self._soon = asyncio.Event()
        self._away = False
        self.trouble = ""
        """Why the last comparison failed, "" if it did not."""

    def soon(self) -> None:
        """Something hints at an interruption: compare shortly."""
        self._soon.set()

    async def run(self) -> None:
        for subject in self._subjects:
            await self._first(subject)
        self._synced()
        while True:
            try:
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()
            await asyncio.sleep(_SETTLE_SECONDS)
            await self._compare_all()

    async def _first(self, subject: Subject) -> None:
        complained = ""
        while True:
            try:
                subject.store.replace(await self._list(subject))
                return
            except (errors.ApiError, errors.Unreachable) as error:
                if str(error) != complained:
                    complained = str(error)
                    logger.warning("cannot list %s yet: %s%s", subject.store.kind.plural, error, _hint(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _compare_all(self) -> None:
        trouble = ""
        for subject in self._subjects:
            try:
                await self._compare(subject)
            except errors.Unreachable as error:
                if not self._away:
                    logger.warning("cannot compare what is known with the cluster: %s", error)
                self._away = True
                self.trouble = str(error)
                self._soon.set()
                return
            except errors.ApiError as error:
                logger.warning("cannot compare %s: %s%s", subject.store.kind.plural, error, _hint(error))
                trouble = str(error)
                self._soon.set()
        self._away = False
        self.trouble = trouble

    async def _compare(self, subject: Subject) -> None:
        namespace, labels = subject.where
        store = subject.store
        found = store.differences(await self._api.list_metadata(store.kind, namespace, labels))
        lasting = [key for key, version in found.items() if subject.suspects.get(key) == version]
        subject.suspects = dict(found)
        if lasting:
            MISSED.labels(store.kind.plural).inc(len(lasting))
            logger.warning("the watch of %s missed %d changes, listing anew", store.kind.plural, len(lasting))
            store.replace(await self._list(subject), everything=True)
            subject.suspects = {}
            if subject.watch is not None:
                subject.watch.restart()
        elif found:
            self._soon.set()

    async def _list(self, subject: Subject) -> Listing:
        namespace, labels = subject.where
        return await self._api.list(subject.store.kind, namespace, labels)


def _hint(error: Exception) -> str:
    return "; are Falcon's CRDs installed?" if isinstance(error, errors.NotFound) else ""

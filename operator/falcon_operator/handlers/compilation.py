"""Keeps the catalog up to date with the cluster: changes of one moment are compiled together.

Runs in every replica, so that one that takes over knows everything, the last good version of each
rule included.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

import prometheus_client

from falcon_operator.reconcile import catalog, resources

logger = logging.getLogger(__name__)

SECONDS: Final = prometheus_client.Histogram(
    "falcon_operator_compile_seconds", "Time to compile what changed.", buckets=(0.01, 0.05, 0.2, 1, 5, 20)
)
RULES: Final = prometheus_client.Gauge("falcon_operator_rules", "Rules by what the compiler says of them.", ["verdict"])
FAILURES: Final = prometheus_client.Counter(
    "falcon_operator_internal_errors_total", "Errors of the operator itself.", ["where"]
)

_SEEN_SECONDS: Final = 0.3
"""For a watch event to arrive: some milliseconds, more on a machine that is busy."""


class Compilation:
    """put, remove at any time, in the event loop. compiled: is told after each compilation, in the loop."""

    def __init__(
        self, known: catalog.Catalog, settle_seconds: float, compiled: Callable[[catalog.Changes], None]
    ) -> None:
        self.first = asyncio.Event()
        """Set once everything that was known at the start is compiled."""
        self.entries: Sequence[catalog.Entry] = ()
        """As of the last compilation; never changes in place."""
        self._catalog = known
        self._settle = settle_seconds
        self._compiled = compiled
        self._news = asyncio.Event()
        self._idle = asyncio.Event()

    def put(self, resource: resources.Resource) -> None:
        if self._catalog.put(resource):
            self._changed()

    def remove(self, ref: resources.Ref) -> None:
        if self._catalog.remove(ref):
            self._changed()

    async def settled(self) -> None:
        """Waits until what was stored a moment ago has been seen and compiled."""
        await asyncio.sleep(_SEEN_SECONDS)
        await self._idle.wait()

    async def run(self, start: asyncio.Event) -> None:
        """Compiles for the first time once `start` is set (everything has been put), then as changes come."""
        await start.wait()
        while True:
            self._news.clear()
            await self._turn()
            self.first.set()
            if not self._news.is_set():
                self._idle.set()
            await self._news.wait()
            await asyncio.sleep(self._settle)

    def _changed(self) -> None:
        self._news.set()
        self._idle.clear()

    async def _turn(self) -> None:
        started = time.monotonic()
        try:
            changes = await asyncio.to_thread(self._catalog.compile)
            self.entries = self._catalog.entries()
        except Exception:
            # What is in force stays in force; the next change tries again.
            FAILURES.labels("compile").inc()
            logger.exception("compiling failed")
            return
        SECONDS.observe(time.monotonic() - started)
        for verdict in catalog.Verdict:
            RULES.labels(str(verdict)).set(sum(entry.verdict is verdict for entry in self.entries))
        self._compiled(changes)

"""Once a minute: what is kept no longer goes, and what that cost a sink is said."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from falcon_hub.settings import model
from falcon_hub.store import leading, records, store

_SECONDS = 60.0
_PAUSE_SECONDS = 0.05
"""Between pieces: alerts that come meanwhile have the store for themselves."""
_DAY_NS = 86_400 * 1_000_000_000


@contextlib.asynccontextmanager
async def keeping(
    kept: store.Store, wanted: model.Retention, say: Callable[[str], None], leader: leading.Leader
) -> AsyncIterator[None]:
    """leader: of several hubs on one database it is who removes."""
    task = asyncio.create_task(_repeated(kept, wanted, say, leader), name="retention")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _repeated(
    kept: store.Store, wanted: model.Retention, say: Callable[[str], None], leader: leading.Leader
) -> None:
    while True:
        await leader.wait(True)
        try:
            await once(kept, wanted, say, time.time_ns())
        except records.Unavailable as error:
            say(f"old alerts cannot be removed now: {error}")
        await asyncio.sleep(_SECONDS)


async def once(kept: store.Store, wanted: model.Retention, say: Callable[[str], None], now_ns: int) -> int:
    """Removes everything that is too much; how many alerts."""
    before = now_ns - int(wanted.max_age_days * _DAY_NS)
    total = 0
    lost: collections.Counter[str] = collections.Counter()
    while (removed := await kept.remove(before, wanted.max_bytes)).alerts:
        total += removed.alerts
        lost.update(removed.lost)
        await asyncio.sleep(_PAUSE_SECONDS)
    for sink, number in sorted(lost.items()):
        say(f"sink {sink}: {number} alerts were removed by store.retention before it had them")
    await kept.accounts.forget(now_ns - int(wanted.audit_days * _DAY_NS))
    return total

"""Time as the workers see it; tests bring their own."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Real time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

"""Waiting in asyncio for what will happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (conditions of code under test, which has no events for us)
            await asyncio.sleep(0.005)

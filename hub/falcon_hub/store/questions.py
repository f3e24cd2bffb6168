"""What the parts of the facade need of it: somewhere to run questions and changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


class Runner(Protocol):
    async def read(self, act: Callable[[sa.Connection], T]) -> T: ...

    async def write(self, act: Callable[[sa.Connection], T]) -> T: ...

    def noted(self, note: int) -> None:
        """The audit log has a new entry."""

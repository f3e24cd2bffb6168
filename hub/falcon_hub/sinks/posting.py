"""What sinks that speak HTTP share: one message a request (chats, pagers), or a batch as a whole (stores)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from falcon_hub.sinks import base, http, options

Wanted = TypeVar("Wanted", bound=options.OverHttp)


class _OverHttp(ABC, Generic[Wanted]):
    """A `base.Sink` but for `batch`, `send` and `escape`."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._client = http.Client(wanted)

    @abstractmethod
    def escape(self, value: str) -> str:
        """See `base.Sink`."""

    async def close(self) -> None:
        await self._client.close()


class Posting(_OverHttp[Wanted]):
    """A `base.Sink` but for `escape` and what a message becomes."""

    batch = 1

    @abstractmethod
    async def _post(self, message: base.Message) -> http.Reply:
        """The receiver's answer to one message. Raises base.Failed when there is none."""

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        return await base.one_by_one(batch, self._one)

    async def _one(self, message: base.Message) -> None:
        self._client.judge(await self._post(message))


class Batching(_OverHttp[Wanted]):
    """A `base.Sink` but for `batch`, `escape` and what a batch becomes, which is taken or refused as a whole."""

    @abstractmethod
    async def _post(self, batch: Sequence[base.Message]) -> http.Reply:
        """The receiver's answer to a batch. Raises base.Failed when there is none."""

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        return await base.halving(batch, self._all)

    async def _all(self, batch: Sequence[base.Message]) -> None:
        self._client.judge(await self._post(batch))

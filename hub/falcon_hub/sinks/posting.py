"""What sinks share whose receiver takes one message a request over HTTP: chats, pagers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from falcon_hub.sinks import base, http, options

Wanted = TypeVar("Wanted", bound=options.OverHttp)


class Posting(ABC, Generic[Wanted]):
    """A `base.Sink` but for `escape` and what a message becomes."""

    batch = 1

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._client = http.Client(wanted)

    @abstractmethod
    def escape(self, value: str) -> str:
        """See `base.Sink`."""

    @abstractmethod
    async def _post(self, message: base.Message) -> http.Reply:
        """The receiver's answer to one message. Raises base.Failed when there is none."""

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        return await base.one_by_one(batch, self._one)

    async def close(self) -> None:
        await self._client.close()

    async def _one(self, message: base.Message) -> None:
        self._client.judge(await self._post(message))

"""The two services, as handlers for grpcio. Messages are serialised once, however many get them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc

from falcon_sensor.outputs.grpc import fanout

if TYPE_CHECKING:
    from grpc import aio

    # Generic in the stubs alone.
    _Methods = dict[str, grpc.RpcMethodHandler[bytes, bytes]]
    _Context = aio.ServicerContext[bytes, bytes]

OUTPUTS, VERSION = "falco.outputs.service", "falco.version.service"


class Service:
    """version: the serialised answer. Requests say nothing, so they are not even read."""

    def __init__(self, outputs: fanout.Fanout, version: bytes) -> None:
        self.calls = 0
        self._outputs, self._version = outputs, version

    def handlers(self, *, alerts: bool) -> list[grpc.GenericRpcHandler]:
        """alerts: with falco.outputs.service."""
        version: _Methods = {"version": grpc.unary_unary_rpc_method_handler(self.version)}
        outputs: _Methods = {
            "sub": grpc.stream_stream_rpc_method_handler(self.sub),
            "get": grpc.unary_stream_rpc_method_handler(self.get),
        }
        found = [grpc.method_handlers_generic_handler(VERSION, version)]
        return [*found, grpc.method_handlers_generic_handler(OUTPUTS, outputs)] if alerts else found

    async def version(self, request: bytes, context: _Context) -> bytes:
        self.calls += 1
        return self._version

    async def get(self, request: bytes, context: _Context) -> None:
        self.calls += 1
        # What comes while this is under way is the next call's: there must be an end.
        for _ in range(self._outputs.waiting):
            if (item := self._outputs.pop()) is None:
                return
            try:
                await context.write(item.data)
            except BaseException:
                self._outputs.back([item])
                raise
            self._outputs.done(item)

    async def sub(self, requests: AsyncIterator[bytes], context: _Context) -> None:
        self.calls += 1
        subscription = self._outputs.subscribe()
        # Otherwise a client learns with the first alert that it is subscribed.
        await context.send_initial_metadata(())
        listening = asyncio.create_task(_listen(requests, subscription))
        try:
            while (item := await subscription.head()) is not None:
                await context.write(item.data)
                subscription.sent(item)
        finally:
            listening.cancel()
            subscription.close()


async def _listen(requests: AsyncIterator[bytes], subscription: fanout.Subscription) -> None:
    with contextlib.suppress(grpc.RpcError, asyncio.CancelledError):
        async for _ in requests:
            pass
    subscription.finish()

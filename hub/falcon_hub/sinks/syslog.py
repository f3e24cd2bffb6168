"""A syslog server, by RFC 5424 over TCP or TLS with octet counting (RFC 6587, RFC 5425) or UDP.

TCP tells what was handed to the network, not what the server has taken: what was under way when a connection breaks can
be lost, which is syslog's and not ours to mend. The uuid stands in the structured data.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from falcon_hub.sinks import base, dialects, documents, http, options
from falcon_rules import times

_PORTS: Final = {"udp": 514, "tcp": 514, "tls": 6514}
_ROUNDS: Final = 2
"""Of the event loop: in one it learns that a connection has ended, in the next it says so."""
_MOST_UDP: Final = 8192
"""Bytes. Receivers cut datagrams; rsyslog takes 8 kB as it comes."""


class Options(options.Common):
    type: Literal["syslog"] = "syslog"
    host: str = Field(description="Server")
    port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(None, description="514, or 6514 for TLS")
    protocol: Literal["udp", "tcp", "tls"] = Field("tcp", description="Transport")
    tls: options.Tls = Field(options.Tls(), description="TLS")
    facility: Annotated[int, Field(ge=0, le=23)] = Field(10, description="Number; 10: security messages, 16: local0")
    format: Literal["json", "text"] = Field("json", description="What follows the header: the whole alert, or its text")


class Syslog:
    batch = 200

    def __init__(self, wanted: Options) -> None:
        self._wanted = wanted
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        frames = [frame(message, self._wanted) for message in batch]
        try:
            async with asyncio.timeout(self._wanted.timeout_seconds):
                if self._wanted.protocol == "udp":
                    await self._datagrams(frames)
                else:
                    await self._stream(frames)
        except (TimeoutError, OSError) as error:
            await self.close()
            told = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            return base.Outcome(0, {}, base.Failed(str(told)))
        return base.Outcome(len(batch))

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(streams[1].wait_closed(), 2)

    async def _stream(self, frames: list[bytes]) -> None:
        if self._streams is not None and await self._ended():
            # The server has closed; writing would seem to work once more.
            await self.close()
        if self._streams is None:
            context = http.tls_context(self._wanted.tls) if self._wanted.protocol == "tls" else None
            port = self._wanted.port or _PORTS[self._wanted.protocol]
            self._streams = await asyncio.open_connection(self._wanted.host, port, ssl=context)
        _, writer = self._streams
        writer.writelines([b"%d %s" % (len(each), each) for each in frames])
        await writer.drain()
        if await self._ended():
            raise ConnectionResetError("the server closed the connection")

    async def _ended(self) -> bool:
        """Whether the other side is known to have gone, after what has come in was looked at."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        return self._streams is None or self._streams[0].at_eof() or self._streams[1].is_closing()

    async def _datagrams(self, frames: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        port = self._wanted.port or _PORTS["udp"]
        found = await loop.getaddrinfo(self._wanted.host, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.setblocking(False)
            for each in frames:
                await loop.sock_sendto(sender, each[:_MOST_UDP], address)


def frame(message: base.Message, wanted: Options) -> bytes:
    alert = message.alert
    head = (
        f"<{wanted.facility * 8 + alert.priority}>1 {_time(alert.time_ns)} {_name(alert.hostname, 255)}"
        f" falcon - {_name(alert.rule.replace(' ', '_'), 32)} {_data(message)} "
    )
    text = documents.line(message) if wanted.format == "json" else dialects.line(message.text)
    return head.encode() + text.encode("utf-8", "replace")


def _time(ns: int) -> str:
    """With microseconds, which is what RFC 5424 has room for."""
    return times.rfc3339(ns)[:26] + "Z"


def _name(text: str, most: int) -> str:
    """Printable ASCII without spaces, as the header's fields are; `-` when nothing is left."""
    return "".join(each if "!" <= each <= "~" else "?" for each in text)[:most] or "-"


def _data(message: base.Message) -> str:
    alert = message.alert
    pairs = {"uuid": alert.uuid, "rule": alert.rule, "priority": alert.priority.label, "source": alert.source}
    pairs |= {"namespace": alert.namespace or "", "pod": alert.pod or ""}
    return "[falcon@32473 " + " ".join(f'{name}="{_value(text)}"' for name, text in pairs.items() if text) + "]"


def _value(text: str) -> str:
    return dialects.line(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")

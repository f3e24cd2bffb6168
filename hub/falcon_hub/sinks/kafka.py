"""Apache Kafka and what speaks its protocol, by aiokafka (imported when used).

The record's key is the alert's uuid, or a field's value where an order per pod or host is wanted: one partition keeps
it. With idempotence a retried request is written once; what is sent again after the hub was killed carries the same
uuid in key and header.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, documents, facts, http, options, redaction

if TYPE_CHECKING:
    import aiokafka

_CLOSE_SECONDS: Final = 2.0
"""For requests that are out when the producer is ended."""
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Options(options.Common):
    type: Literal["kafka"] = "kafka"
    brokers: tuple[str, ...] = Field(min_length=1, description="host:port of brokers to begin with")
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", description="Topic")
    key: str = Field("uuid", description="The record's key: uuid, or the name of a field; hostname and rule work too")
    acks: Literal["all", "1"] = Field("all", description="Who must have a record before it counts as delivered")
    idempotence: bool = Field(True, description="Requests repeated by the client are written once; needs acks: all")
    compression: Literal["none", "gzip"] = Field("none", description="Of batches of records")
    tls: options.Tls | None = Field(None, description="TLS; {} for the system's authorities")
    sasl_mechanism: Mechanism | None = Field(None, description="For the login")
    username: str | None = Field(None, description="For the login")
    password: secrets.Secret | None = Field(None, description="For the login")
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(500, description="Alerts handed over at once, at most")


class Kafka:
    def __init__(self, wanted: Options) -> None:
        try:
            import aiokafka
        except ImportError:
            raise base.Unusable("Kafka needs aiokafka: pip install 'falcon-k8s[hub-sinks]'") from None
        self._library = aiokafka
        self._wanted = wanted
        self.batch = wanted.batch
        self._redact = redaction.Redactor(wanted.secrets())
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._leaving: asyncio.Future[None] | None = None

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        """Records are handed over in order and awaited in order, for `timeout_seconds` in all: with idempotence the
        producer itself would try for ever."""
        from aiokafka import errors

        waiting: list[Any] = []
        refused: dict[int, str] = {}
        done = 0
        try:
            async with asyncio.timeout(self._wanted.timeout_seconds):
                producer = await self._open()
                for message in batch:
                    waiting.append(await self._hand_over(producer, message))  # noqa: PERF401 (known if the next fails)
                for index, each in enumerate(waiting):
                    if reason := await _refusal(each):
                        refused[index] = reason
                    done = index + 1
        except TimeoutError:
            failure = base.Failed(f"no answer within {self._wanted.timeout_seconds:g} s")
        except (errors.KafkaError, OSError, ValueError) as error:
            failure = base.Failed(self._redact(f"{type(error).__name__}: {error}"))
        except asyncio.CancelledError:
            self._leaving = asyncio.ensure_future(self._discard(waiting))
            raise
        else:
            return base.Outcome(len(batch), refused)
        await self._discard(waiting)
        return base.Outcome(done, refused, failure)

    async def close(self) -> None:
        """Nothing is under way: `send` has waited for all of it."""
        await self._discard([])

    async def _discard(self, waiting: Sequence[Any]) -> None:
        """Ends the producer without what its own `stop` does first, writing all that it still holds: that would come
        behind what is sent again. Requests that are out are waited for a moment."""
        for each in waiting:
            if isinstance(each, asyncio.Future):
                each.add_done_callback(lambda future: future.cancelled() or future.exception())
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await producer._sender.close()
        producer._closed = True
        await producer.client.close()

    async def _open(self) -> aiokafka.AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        producer = self._library.AIOKafkaProducer(**self._settings())
        try:
            await producer.start()
        except BaseException:
            # It has nothing yet, so there is nothing to write.
            await producer.stop()
            raise
        self._producer = producer
        return producer

    async def _hand_over(self, producer: aiokafka.AIOKafkaProducer, message: base.Message) -> Any:
        from aiokafka import errors

        value = documents.line(message).encode("utf-8", "replace")
        headers = [("uuid", message.key.encode()), ("rule", message.alert.rule.encode("utf-8", "replace"))]
        try:
            return await producer.send(
                self._wanted.topic, value, key=key(message, self._wanted.key), headers=headers,
                timestamp_ms=message.alert.time_ns // 1_000_000,
            )  # fmt: skip
        except errors.MessageSizeTooLargeError:
            return f"a record of {len(value)} bytes is too large"

    def _settings(self) -> dict[str, Any]:
        wanted = self._wanted
        protocol = "SASL_" if wanted.sasl_mechanism else ""
        protocol += "SSL" if wanted.tls is not None else "PLAINTEXT"
        settings: dict[str, Any] = {
            "bootstrap_servers": list(wanted.brokers),
            "client_id": "falcon-hub",
            "acks": "all" if wanted.acks == "all" else 1,
            "enable_idempotence": wanted.idempotence and wanted.acks == "all",
            "compression_type": None if wanted.compression == "none" else wanted.compression,
            "request_timeout_ms": int(wanted.timeout_seconds * 1000),
            "security_protocol": protocol,
            "linger_ms": 5,
        }
        if wanted.tls is not None:
            settings["ssl_context"] = http.tls_context(wanted.tls)
        if wanted.sasl_mechanism is not None:
            settings["sasl_mechanism"] = wanted.sasl_mechanism
            settings["sasl_plain_username"] = wanted.username
            settings["sasl_plain_password"] = wanted.password.reveal() if wanted.password else None
        return settings


async def _refusal(handed_over: Any) -> str | None:
    """Why a record will never be taken; None when it is written. Raises KafkaError."""
    from aiokafka import errors

    if isinstance(handed_over, str):
        return handed_over
    try:
        await handed_over
    except (errors.MessageSizeTooLargeError, errors.InvalidMessageError) as error:
        return type(error).__name__
    return None


def key(message: base.Message, field: str) -> bytes:
    alert = message.alert
    known = {"uuid": message.key, "hostname": alert.hostname, "rule": alert.rule}
    text = known.get(field) or facts.value(alert.fields.get(field)) or message.key
    return text.encode("utf-8", "replace")

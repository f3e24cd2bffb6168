"""Any receiver of JSON over HTTP, Falcosidekick among them.

The body is Falco's object with its uuid, or what a template makes. `Idempotency-Key` carries the uuid, for receivers
that know the header. With `batch` above 1 the body is an array, or with `format: ndjson` an object a line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, documents, http, options, posting


class Options(options.OverHttp):
    type: Literal["webhook"] = "webhook"
    url: secrets.Secret = Field(description="Address; kept secret, as it may hold a key")
    bearer_token: secrets.Secret | None = Field(None, description="Sent as Authorization: Bearer")
    format: Literal["json", "ndjson", "text"] = Field("json", description="text: the body is what the template makes")
    content_type: str | None = Field(None, description="Of the body, with format: text")
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="Alerts in a request, at most")


class Falcosidekick(Options):
    """One alert a request is all that it takes."""

    people: ClassVar[bool] = False
    type: Literal["falcosidekick"] = "falcosidekick"  # type: ignore[assignment]
    batch: Annotated[int, Field(ge=1, le=1)] = Field(1, description="It takes one at a time")


class Webhook(posting.Batching[Options]):
    def __init__(self, wanted: Options) -> None:
        super().__init__(wanted)
        self.batch = 1 if wanted.format == "text" else wanted.batch

    def escape(self, value: str) -> str:
        # Within a template of JSON a value must not end its string.
        return json.dumps(value)[1:-1] if "json" in (self._wanted.content_type or "") else dialects.plain(value)

    async def _post(self, batch: Sequence[base.Message]) -> http.Reply:
        kind, data = self._body(batch)
        headers = {"Content-Type": kind}
        if len(batch) == 1:
            headers["Idempotency-Key"] = batch[0].key
        if self._wanted.bearer_token is not None:
            headers["Authorization"] = f"Bearer {self._wanted.bearer_token.reveal()}"
        return await self._client.post(self._wanted.url.reveal(), data=data, headers=headers)

    def _body(self, batch: Sequence[base.Message]) -> tuple[str, bytes]:
        if self._wanted.format == "text":
            return self._wanted.content_type or "text/plain; charset=utf-8", batch[0].text.encode("utf-8", "replace")
        lines = [documents.line(message).encode("utf-8", "replace") for message in batch]
        if self._wanted.format == "ndjson":
            return "application/x-ndjson", b"\n".join(lines) + b"\n"
        return "application/json", lines[0] if self.batch == 1 else b"[" + b",".join(lines) + b"]"

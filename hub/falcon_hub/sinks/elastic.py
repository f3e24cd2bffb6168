"""Elasticsearch and OpenSearch, by the bulk API, which both have alike.

Neither's client library is used: Elastic's refuses OpenSearch and the reverse, and both would bring a second HTTP
stack for one request. Every document is created under the alert's uuid, so what is sent twice is there once: `409` says
that it is there. `create` is also the only action that data streams take.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from falcon_hub.settings import secrets
from falcon_hub.sinks import base, dialects, documents, http, options
from falcon_rules import times

_HAS_IT: Final = 409
_SUFFIXES: Final = {"none": "", "daily": "-%Y.%m.%d", "monthly": "-%Y.%m", "yearly": "-%Y"}


class Options(options.OverHttp):
    type: Literal["elasticsearch", "opensearch"] = "elasticsearch"
    url: str = Field(description="Address of a node or a load balancer, such as https://search.example:9200")
    index: str = Field("falcon", pattern=r"^[a-z0-9][a-z0-9_.+-]{0,200}$", description="Index or data stream")
    suffix: Literal["none", "daily", "monthly", "yearly"] = Field(
        "daily", description="Added to the index, from the alert's time in UTC; none for data streams and aliases"
    )
    pipeline: str | None = Field(None, description="Ingest pipeline")
    flatten_fields: bool = Field(
        False, description="Dots in names of output_fields become underscores, so that they are not read as objects"
    )
    username: str | None = Field(None, description="For basic authentication")
    password: secrets.Secret | None = Field(None, description="For basic authentication")
    api_key: secrets.Secret | None = Field(None, description="Encoded API key, instead of username and password")
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(500, description="Alerts in a request, at most")


class Elastic:
    def __init__(self, wanted: Options) -> None:
        self._wanted = wanted
        self.batch = wanted.batch
        self._client = http.Client(wanted)
        pipeline = f"?pipeline={wanted.pipeline}" if wanted.pipeline else ""
        self._url = f"{wanted.url.rstrip('/')}/_bulk{pipeline}"

    def escape(self, value: str) -> str:
        return dialects.plain(value)

    async def send(self, batch: Sequence[base.Message]) -> base.Outcome:
        try:
            reply = await self._client.post(self._url, data=body(batch, self._wanted), headers=self._headers())
            self._client.judge(reply, refused=frozenset({413}))
            return self._read(batch, reply)
        except base.Failed as failure:
            return base.Outcome(0, {}, failure)
        except base.Refused as refusal:
            return await self._halves(batch, refusal)

    async def close(self) -> None:
        await self._client.close()

    async def _halves(self, batch: Sequence[base.Message], refusal: base.Refused) -> base.Outcome:
        """A request that is too large for the receiver."""
        if len(batch) == 1:
            return base.Outcome(1, {0: str(refusal)})
        middle = len(batch) // 2
        left = await self.send(batch[:middle])
        if left.failure:
            return left
        right = await self.send(batch[middle:])
        moved = {index + middle: reason for index, reason in right.refused.items()}
        return base.Outcome(middle + right.done, left.refused | moved, right.failure)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/x-ndjson"}
        if self._wanted.api_key is not None:
            headers["Authorization"] = f"ApiKey {self._wanted.api_key.reveal()}"
        elif self._wanted.username is not None:
            password = self._wanted.password.reveal() if self._wanted.password else ""
            pair = base64.b64encode(f"{self._wanted.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return headers

    def _read(self, batch: Sequence[base.Message], reply: http.Reply) -> base.Outcome:
        """The answer is 200 even if nothing was taken: each document has a status of its own."""
        try:
            items = [next(iter(item.values())) for item in json.loads(reply.text)["items"]]
            statuses = [int(item["status"]) for item in items]
        except (ValueError, KeyError, TypeError, StopIteration):
            return base.Outcome(0, {}, base.Failed("its answer is not that of a bulk request"))
        if len(statuses) != len(batch):
            return base.Outcome(0, {}, base.Failed("its answer is about another number of documents"))
        refused: dict[int, str] = {}
        for index, (status, item) in enumerate(zip(statuses, items, strict=True)):
            if 200 <= status < 300 or status == _HAS_IT:
                continue
            reason = self._client.redact(f"{status}: {json.dumps(item.get('error'))[: http.MOST_TOLD]}")
            if status in http.REFUSED:
                refused[index] = reason
                continue
            # What follows may be there already; it is sent again and answered by 409.
            broken = status not in http.LATER and status < 500
            return base.Outcome(index, refused, base.Failed(reason, broken=broken, answered=status >= 500))
        return base.Outcome(len(batch), refused)


def body(batch: Sequence[base.Message], wanted: Options) -> bytes:
    lines: list[str] = []
    for message in batch:
        lines.append(json.dumps({"create": {"_index": index(message, wanted), "_id": message.key}}))
        lines.append(json.dumps(document(message, wanted), ensure_ascii=False, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def index(message: base.Message, wanted: Options) -> str:
    day = time.gmtime(message.alert.time_ns // 1_000_000_000)
    return wanted.index + time.strftime(_SUFFIXES[wanted.suffix], day)


def document(message: base.Message, wanted: Options) -> dict[str, Any]:
    found = documents.of(message)
    found["@timestamp"] = times.rfc3339(message.alert.time_ns)
    if wanted.flatten_fields:
        found["output_fields"] = {_flat(name): value for name, value in found["output_fields"].items()}
    return found


def _flat(name: str) -> str:
    return name.replace(".", "_").replace("[", "_").replace("]", "")

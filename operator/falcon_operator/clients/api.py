"""Requests to the API server: the verbs, on any kind, with plain JSON objects.

The `kubernetes` package does connections, TLS and tokens; its typed models are left out, because
our own kinds have none there and every object would be converted twice. Every request passes
`Api.request`, so that all are counted and all failures are of `errors`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import aiohttp
import prometheus_client
from kubernetes.aio import client

from falcon_operator.clients import connection, errors
from falcon_operator.clients.kinds import Kind

Object = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_TIMEOUT_SECONDS: Final = 20.0
"""Of a whole request. The largest, a list of 500 rules, takes well under one; a lost connection must not hang."""

REQUESTS: Final = prometheus_client.Counter(
    "falcon_operator_api_requests_total", "Requests to the API server.", ["verb", "resource", "code"]
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects of one kind, and the version of the whole list: what is newer than it is not in it."""

    items: list[Object]
    version: str


class Api:
    """One connection pool. Made by `connect`; close it, or use it with `async with`.

    reachable: whether the last request was answered, with whatever; replicas ask for the Lease every two seconds.
    """

    def __init__(self, configuration: client.Configuration) -> None:
        self.reachable = True
        configuration.retries = 0  # Callers know better when and whether to try again.
        self._client = client.ApiClient(configuration)
        self._client.user_agent = "falcon-operator"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.close()

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        return await self.request("get", kind, kind.path(name, namespace))

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Listing:
        """All objects of a kind, whole."""
        query = {"labelSelector": labels} if labels else {}
        return _listing(await self.request("list", kind, kind.path(namespace=namespace), query=query))

    async def list_metadata(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Listing:
        """All objects of a kind, their metadata alone: a fraction of the size."""
        query = {"labelSelector": labels} if labels else {}
        path, headers = kind.path(namespace=namespace), {"Accept": _METADATA_ONLY}
        return _listing(await self.request("list", kind, path, query=query, headers=headers))

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **body}
        return await self.request("create", kind, kind.path(namespace=namespace), body=whole)

    async def replace(self, kind: Kind, body: Object) -> Object:
        """Writes `body` in place of the object it names; with its resourceVersion only if that is unchanged."""
        metadata = body["metadata"]
        path = kind.path(metadata["name"], metadata.get("namespace"))
        return await self.request("update", kind, path, body=body)

    async def patch(
        self, kind: Kind, name: str, patch: Object, namespace: str | None = None, subresource: str | None = None
    ) -> Object:
        """A JSON merge patch (RFC 7386): None removes a member, lists are replaced whole."""
        path = kind.path(name, namespace, subresource)
        return await self.request("patch", kind, path, body=patch, headers={"Content-Type": MERGE_PATCH})

    async def delete(self, kind: Kind, name: str, namespace: str | None = None, uid: str | None = None) -> None:
        """Deletes the object; with `uid`, only that very one."""
        body = {"preconditions": {"uid": uid}} if uid is not None else None
        await self.request("delete", kind, kind.path(name, namespace), body=body)

    async def request(
        self,
        verb: str,
        kind: Kind,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Object | None = None,
    ) -> Object:
        """The answer's JSON. Raises errors.ApiError for a refusal, errors.Unreachable for none at all."""
        code = "none"
        try:
            status, answer = await self._send(_METHODS[verb], path, query or {}, dict(headers or {}), body)
            code = str(status)
            self.reachable = True
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.reachable = False
            raise errors.Unreachable(f"no answer from the API server: {_reason(error)}") from error
        finally:
            REQUESTS.labels(verb, kind.plural, code).inc()
        if status >= 400:
            raise errors.refused(status, str(answer.get("message") or f"{verb} {path} was refused"))
        return answer

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], headers: dict[str, str], body: Object | None
    ) -> tuple[int, Object]:
        method, url, headers, sent, _ = await self._client.param_serialize(
            method,
            quote(path) + (f"?{urlencode(query)}" if query else ""),
            header_params={"Accept": "application/json", **headers},
            body=body,
            auth_settings=["BearerToken"],
        )
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            response = await self._client.call_api(method, url, headers, sent, _request_timeout=_TIMEOUT_SECONDS)
            return response.status, _json(await response.read())


async def connect(kubeconfig: Path | None) -> Api:
    """By a kubeconfig, or by the pod's service account. Raises connection.NoConnection."""
    return Api(await connection.load(kubeconfig))


_METHODS = {
    "get": "GET",
    "list": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}


def _listing(answer: Object) -> Listing:
    return Listing(answer.get("items") or [], (answer.get("metadata") or {}).get("resourceVersion") or "")


def _json(data: bytes | None) -> Object:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        # A proxy in between may answer in HTML or plain text.
        value = {"message": (data or b"").decode("utf-8", "replace")[:300]}
    return value if isinstance(value, dict) else {}


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__

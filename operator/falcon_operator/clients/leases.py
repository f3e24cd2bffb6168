"""The Lease that says which replica leads, as the API server keeps it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

from falcon_operator.clients import errors
from falcon_operator.clients.api import Api, Object
from falcon_operator.clients.kinds import LEASE


@dataclass(frozen=True, slots=True)
class Record:
    """A Lease's content. `holder` is "" when nobody leads; `version` is None for one not stored yet."""

    holder: str
    duration_seconds: int
    renewed: str
    transitions: int
    version: str | None


class Leases:
    """One Lease, by name."""

    def __init__(self, api: Api, name: str, namespace: str) -> None:
        self._api = api
        self._name = name
        self._namespace = namespace

    async def read(self) -> Record | None:
        """What is stored, None if there is no such Lease."""
        try:
            return _record(await self._api.get(LEASE, self._name, self._namespace))
        except errors.NotFound:
            return None

    async def write(self, record: Record) -> Record:
        """Stores `record` over the version it was made from. Raises errors.Conflict if another was faster."""
        written = replace(record, renewed=_now())
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        if record.version is None:
            return _record(await self._api.create(LEASE, _body(written, metadata), self._namespace))
        metadata["resourceVersion"] = record.version
        body = {"apiVersion": LEASE.api_version, "kind": LEASE.name, **_body(written, metadata)}
        return _record(await self._api.replace(LEASE, body))


def _record(lease: Object) -> Record:
    spec = lease.get("spec") or {}
    return Record(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or 0,
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        version=lease["metadata"]["resourceVersion"],
    )


def _body(record: Record, metadata: dict[str, Any]) -> Object:
    return {
        "metadata": metadata,
        "spec": {
            "holderIdentity": record.holder,
            # The API server accepts no 0 here; a released Lease has no holder and may be taken at once.
            "leaseDurationSeconds": record.duration_seconds,
            "renewTime": record.renewed,
            "leaseTransitions": record.transitions,
        },
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""What the operator lives in: CRDs, its namespace and Secrets, nodes and sensors' pods, and the operator itself."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.operator.support.sensor import TOKEN, StandInSensor

from falcon_operator.app.operator import Operator
from falcon_operator.clients import api, errors, kinds
from falcon_operator.clients.kinds import Kind
from falcon_operator.settings import Settings
from falcon_rules import crds

CRDS = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
LABELS = {"app.kubernetes.io/name": "falcon", "app.kubernetes.io/component": "sensor"}
PATIENCE = 30.0
"""Seconds in which what should happen has to; it takes a fraction of that."""


@dataclass
class World:
    """One test's part of a cluster. `operator` runs one; everything made is removed by `clean`."""

    api: api.Api
    kubeconfig: Path
    folder: Path
    namespace: str = field(default_factory=lambda: f"falcon-{uuid.uuid4().hex[:8]}")
    _undo: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def prepare(self) -> None:
        """CRDs, the namespace, and the Secrets that the chart makes."""
        for definition in crds.definitions():
            with contextlib.suppress(errors.Conflict):
                await self.api.create(CRDS, definition)
        for kind in kinds.FALCON_KINDS:
            await eventually(functools.partial(self._served, kind))
        await self.make(NAMESPACES, {"metadata": {"name": self.namespace}})
        for suffix in ("ca", "tls", "admission", "held"):
            await self.make(kinds.SECRET, {"metadata": {"name": f"falcon-{suffix}"}}, self.namespace)
        (self.folder / "token").write_text(TOKEN)

    async def make(self, kind: Kind, body: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
        """Creates an object, to be deleted at the end."""
        made = await self.api.create(kind, body, namespace)
        name = made["metadata"]["name"]

        async def undo() -> None:
            with contextlib.suppress(errors.ApiError):
                await self.api.delete(kind, name, namespace)

        self._undo.append(undo)
        return made

    async def rule(self, name: str, condition: str = 'proc.name = "bash"', **spec: Any) -> dict[str, Any]:
        """A ClusterFalconRule of this name."""
        whole = {"condition": condition, "output": "%proc.name ran", "priority": "Warning", **spec}
        return await self.make(kinds.CLUSTER_FALCON_RULE, {"metadata": {"name": name}, "spec": whole})

    async def status(self, name: str, kind: Kind = kinds.CLUSTER_FALCON_RULE) -> dict[str, Any]:
        found = await self.api.get(kind, name)
        return found.get("status") or {}

    async def condition(self, name: str, of: str, kind: Kind = kinds.CLUSTER_FALCON_RULE) -> tuple[str, str]:
        """(status, reason) of one condition; empty if it is not there (yet)."""
        for each in (await self.status(name, kind)).get("conditions", ()):
            if each["type"] == of:
                return each["status"], each["reason"]
        return "", ""

    async def secret(self, suffix: str) -> dict[str, Any]:
        found = await self.api.get(kinds.SECRET, f"falcon-{suffix}", self.namespace)
        return found.get("data") or {}

    async def add_node(self, sensor: StandInSensor, labels: dict[str, str] | None = None) -> None:
        """A Node, and a running sensor's pod on it that listens where the stand-in does."""
        await self.make(kinds.NODE, {"metadata": {"name": sensor.node, "labels": labels or {}}})
        port = {"name": "api", "containerPort": sensor.port}
        spec = {"nodeName": sensor.node, "containers": [{"name": "sensor", "image": "sensor", "ports": [port]}]}
        body = {"metadata": {"name": f"sensor-{sensor.node}", "labels": LABELS}, "spec": spec}
        await self.make(kinds.POD, body, self.namespace)
        await self.pod_runs(sensor.node)

    async def pod_runs(self, node: str) -> None:
        """What the kubelet would write."""
        status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
        await self.api.patch(kinds.POD, f"sensor-{node}", {"status": status}, self.namespace, "status")

    def settings(self, **changes: Any) -> Settings:
        ports = {"admission_port": free_port(), "health_port": free_port()}
        return Settings(
            namespace=self.namespace,
            kubeconfig=str(self.kubeconfig),
            sensor_token_file=self.folder / "token",
            listen_host="127.0.0.1",
            admission_names="127.0.0.1",
            **{**ports, **changes},
        )

    @contextlib.asynccontextmanager
    async def operator(self, identity: str = "one", **changes: Any) -> AsyncIterator[Operator]:
        """A replica, ended like by SIGTERM at the end."""
        async with await api.connect(self.kubeconfig) as connected:
            replica = Operator(connected, self.settings(**changes), identity)
            task = asyncio.create_task(replica.run())
            try:
                yield replica
            finally:
                failure = task.exception() if task.done() else None
                task.cancel()
                await asyncio.wait([task])
                assert failure is None, failure

    async def clean(self) -> None:
        for undo in reversed(self._undo):
            await undo()

    async def _served(self, kind: Kind) -> bool:
        try:
            await self.api.list(kind)
        except errors.ApiError:
            return False
        return True


async def eventually(holds: Callable[[], Awaitable[Any]], patience: float = PATIENCE) -> Any:
    """What `holds` returns as soon as that is true. Fails with what it returned last if it never is."""
    deadline = time.monotonic() + patience
    while True:
        if found := await holds():
            return found
        assert time.monotonic() < deadline, f"not within {patience} s; the last answer was {found!r}"
        await asyncio.sleep(0.05)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

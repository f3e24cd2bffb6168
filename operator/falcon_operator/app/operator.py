"""One replica of the operator: all its parts, wired together and run side by side.

Every replica watches, compiles, checks what is applied and serves its health. The one that leads
also makes certificates, pushes bundles and writes statuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

from falcon_operator.admission import checking, server
from falcon_operator.app import leader, rotation
from falcon_operator.app.health import Health
from falcon_operator.clients import connection, kinds, leases
from falcon_operator.clients.api import Api
from falcon_operator.clients.kinds import Kind
from falcon_operator.clients.sensors import Sensors
from falcon_operator.handlers import lastgood
from falcon_operator.handlers.cluster import Cluster, Sight
from falcon_operator.handlers.compilation import FAILURES, Compilation
from falcon_operator.handlers.leading import Leading, Rules
from falcon_operator.handlers.store import Key
from falcon_operator.reconcile import catalog, resources
from falcon_operator.settings import Settings
from falcon_rules.model import manifests

logger = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 1.0
"""Before the leader's work starts anew after an error of its own."""


class Operator:
    """`run` until cancelled. identity: this replica's, unlike any other's."""

    def __init__(self, api: Api, settings: Settings, identity: str) -> None:
        self._api = api
        self._settings = settings
        self._leading: Leading | None = None
        kubeconfig = Path(settings.kubeconfig) if settings.kubeconfig else None
        self.sensors = Sensors(
            settings.sensor_port, settings.sensor_server_name, settings.sensor_token_file, settings.push_timeout
        )
        self.catalog = catalog.Catalog()
        self.compilation = Compilation(self.catalog, settings.settle_seconds, self._compiled)
        self.cluster = Cluster(
            api, lambda: connection.credentials(kubeconfig), Sight(settings.namespace, settings.sensor_selector)
        )
        self.cluster.listen(self._changed)
        self._last_good = lastgood.LastGood(api, settings.namespace, settings.held_secret_name)
        self._complete = asyncio.Event()
        self.election = leader.Election(leases.Leases(api, settings.lease_name, settings.namespace), identity)
        self.admission = server.Server(
            checking.Checker(self.catalog, self.compilation.first.is_set).check,
            self.compilation.settled,
            settings.admission_port,
            settings.listen_host,
        )
        self.rotation = rotation.Rotation(
            api,
            _places(settings),
            settings.manage_certificates,
            self.election.leading.is_set,
            self._certified,
        )
        self.health = Health(
            settings.health_port,
            # That the answer comes at all says that the event loop turns; a part that fails ends the process.
            live={},
            ready={
                "cluster": self.cluster.synced.is_set,
                "watches": lambda: not self.cluster.trouble,
                "compiled": self.compilation.first.is_set,
                "admission": self.admission.serving.is_set,
            },
            host=settings.listen_host,
        )

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for part in (
                    self.health.run(),
                    self.cluster.run(),
                    self._recall(),
                    self.compilation.run(self._complete),
                    self.admission.run(),
                    self.rotation.run(),
                    self.election.run(),
                    self._lead(),
                ):
                    group.create_task(part)
        finally:
            await self.sensors.close()

    async def _recall(self) -> None:
        """Compiling may start when all is known that was before, and all that is now."""
        self.catalog.recall(await self._last_good.load())
        await self.cluster.synced.wait()
        self._complete.set()

    async def _lead(self) -> None:
        """Does the leader's work for as long as this replica leads, again and again."""
        await self.compilation.first.wait()
        while True:
            await self.election.leading.wait()
            rules = Rules(self.catalog, self.compilation, self._last_good)
            self._leading = Leading(self._api, self.cluster, rules, self.sensors, self._settings)
            work = asyncio.create_task(self._leading.run(), name="leading")
            try:
                await _first(work, self.election.lost.wait())
            finally:
                self._leading = None
                work.cancel()
                await asyncio.wait([work])
            if not work.cancelled() and (error := work.exception()) is not None:
                FAILURES.labels("leading").inc()
                logger.error("the leader's work failed, starting it anew", exc_info=error)
                await asyncio.sleep(_AGAIN_SECONDS)

    def _changed(self, kind: Kind, key: Key, value: Any) -> None:
        """Something in the cluster is new, different or (None) gone."""
        if kind in kinds.RULE_KINDS:
            if value is None:
                self.compilation.remove(resources.Ref(manifests.Kind(kind.name), *key))
            else:
                self.compilation.put(value)
        if self._leading is not None:
            self._leading.changed(kind, key)

    def _compiled(self, changes: catalog.Changes) -> None:
        if self._leading is not None:
            self._leading.compiled()

    def _certified(self, material: rotation.Material) -> None:
        try:
            if material.authorities:
                self.sensors.trust(material.authorities)
            if material.admission is not None:
                self.admission.use(material.admission.certificate, material.admission.key)
        except ssl.SSLError as error:
            logger.error("the certificates in the Secrets cannot be used: %s", error)


def _places(settings: Settings) -> rotation.Places:
    namespace = settings.namespace
    extra = tuple(name.strip() for name in settings.admission_names.split(",") if name.strip())
    return rotation.Places(
        namespace=namespace,
        ca=settings.ca_secret_name,
        sensor=settings.secret_name,
        admission=settings.admission_secret_name,
        webhook=settings.webhook_name,
        sensor_names=(settings.sensor_server_name,),
        admission_names=(*_service_names(settings.service_name, namespace), *extra),
        hub=_hub_places(settings) if settings.hub_service_name else None,
    )


def _hub_places(settings: Settings) -> rotation.HubPlaces:
    names = _service_names(settings.hub_service_name, settings.namespace)
    # localhost: for whoever reaches it by `kubectl port-forward`.
    return rotation.HubPlaces(settings.hub_tls_secret_name, settings.hub_token_secret, (*names, "localhost"))


def _service_names(service: str, namespace: str) -> tuple[str, ...]:
    return f"{service}.{namespace}.svc", f"{service}.{namespace}", f"{service}.{namespace}.svc.cluster.local"


async def _first(work: asyncio.Task[None], other: Awaitable[Any]) -> None:
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

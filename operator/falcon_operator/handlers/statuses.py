"""What became of each rule and of each sensor, written where kubectl shows it.

One pass after another, each over everything: what a pass costs does not depend on how many reports
came in meanwhile. The FalconNodes themselves are made and removed here too.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from falcon_operator.clients import errors, kinds
from falcon_operator.clients.api import Api, Object
from falcon_operator.handlers.cluster import Cluster
from falcon_operator.handlers.fleet import Fleet
from falcon_operator.handlers.store import Key
from falcon_operator.handlers.writer import Writer
from falcon_operator.reconcile import catalog, node_status, packages, progress, reports, resources, rollout, status
from falcon_rules.model import manifests

logger = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 60.0
"""Between passes that nothing called for: they bring times of contact up to date."""
_SHARE: Final = 5
"""Computing them takes at most one part in so many of a core."""


class Statuses:
    """planned: what each node should have; set it, then `look`."""

    def __init__(
        self,
        api: Api,
        cluster: Cluster,
        known: catalog.Catalog,
        fleet: Fleet,
        pushes: rollout.Rollout,
        seconds: float,
    ) -> None:
        self.planned: Mapping[str, packages.Content] = {}
        self._api = api
        self._cluster = cluster
        self._catalog = known
        self._fleet = fleet
        self._rollout = pushes
        self._seconds = seconds
        self._took = 0.0
        self._news = asyncio.Event()
        self._rule_writers = {
            kind: Writer(api, store, status.changed, seconds) for kind, store in cluster.rules.items()
        }
        self._node_writer = Writer(api, cluster.falcon_nodes, node_status.changed, seconds)

    def look(self) -> None:
        """Something has changed that a status may tell."""
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            left = await self._pass()
            await asyncio.sleep(max(self._seconds, self._took * _SHARE))
            try:
                async with asyncio.timeout(self._seconds if left else _IDLE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _pass(self) -> bool:
        """Whether something is left to be written later."""
        left = await self._align_nodes()
        states, planned = self._rollout.states(), self.planned
        started = time.monotonic()
        rules = await asyncio.to_thread(self._of_rules, planned, states)
        self._took = time.monotonic() - started
        for kind, writer in self._rule_writers.items():
            left |= await writer.write(rules[manifests.Kind(kind.name)])
        return await self._node_writer.write(self._of_nodes(planned, states)) or left

    def _of_rules(
        self, planned: Mapping[str, packages.Content], states: Mapping[str, reports.NodeReport]
    ) -> dict[manifests.Kind, dict[Key, Object]]:
        """What the statuses of all rules and rule sets should say. Runs in a thread."""
        progressed, now = progress.Fleet(planned, states), datetime.datetime.now(datetime.UTC)
        wanted: dict[manifests.Kind, dict[Key, Object]] = {manifests.Kind(kind.name): {} for kind in kinds.RULE_KINDS}
        for kind, store in self._cluster.rules.items():
            found = wanted[manifests.Kind(kind.name)]
            for ref in self._catalog.refs():
                stored = store[ref.namespace, ref.name] if ref.kind == kind.name else None
                known = self._catalog.resource(ref)
                # A status about one resource must not go to a namesake that was made after it.
                if stored is not None and known is not None and stored.uid == known.uid:
                    found[ref.namespace, ref.name] = status.of(ref, self._catalog, progressed, stored.status, now)
        return wanted

    def _of_nodes(
        self, planned: Mapping[str, packages.Content], states: Mapping[str, reports.NodeReport]
    ) -> dict[Key, Object]:
        now = datetime.datetime.now(datetime.UTC)
        wanted: dict[Key, Object] = {}
        for node in self._fleet.nodes:
            stored: resources.Resource | None = self._cluster.falcon_nodes["", node.name]
            if stored is not None:
                state = states.get(node.name) or reports.NodeReport(node.name)
                wanted["", node.name] = node_status.of(state, planned.get(node.name), stored.status, now)
        return wanted

    async def _align_nodes(self) -> bool:
        """Makes and removes FalconNodes so that there is one for each sensor; whether something is left to do."""
        there = {key[1] for key, _ in self._cluster.falcon_nodes.items()}
        wanted = {node.name: node for node in self._fleet.nodes}
        left = False
        for name in sorted(wanted.keys() - there):
            left |= await self._try("make", name, self._make(wanted[name]))
        for name in sorted(there - wanted.keys()):
            left |= await self._try("remove", name, self._remove(name))
        return left

    async def _make(self, node: resources.Node) -> None:
        with contextlib.suppress(errors.Conflict):  # It is there already; the watch will say so.
            self._cluster.falcon_nodes.written(await self._api.create(kinds.FALCON_NODE, _falcon_node(node)))

    async def _remove(self, name: str) -> None:
        with contextlib.suppress(errors.NotFound):
            await self._api.delete(kinds.FALCON_NODE, name)
        self._cluster.falcon_nodes.gone(("", name))

    async def _try(self, what: str, name: str, step: Coroutine[Any, Any, None]) -> bool:
        """Whether the step has to be taken again."""
        try:
            await step
        except (errors.ApiError, errors.Unreachable) as error:
            logger.warning("cannot %s FalconNode %s: %s", what, name, error)
            return True
        return False


def _falcon_node(node: resources.Node) -> Object:
    """It goes when the Node goes, whether or not an operator is there to see it."""
    metadata: Object = {"name": node.name, "labels": {"app.kubernetes.io/managed-by": "falcon-operator"}}
    if node.uid:
        metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}]
    return {"metadata": metadata, "spec": {}}

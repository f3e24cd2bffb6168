"""All that is known of the cluster: one store for each kind, filled by two watches and kept honest by the audit.

Runs in every replica: admission needs the shared macros and lists, and a replica that takes over
must know everything at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from falcon_operator.clients import connection, kinds
from falcon_operator.clients.api import Api, Object
from falcon_operator.clients.kinds import Kind
from falcon_operator.handlers import pods
from falcon_operator.handlers.audit import Audit, Subject
from falcon_operator.handlers.store import Key, Store
from falcon_operator.handlers.watch import Selection, Watch
from falcon_operator.reconcile import resources

Listener = Callable[[Kind, Key, Any], None]


@dataclass(frozen=True, slots=True)
class Sight:
    """Where sensors' pods are, and by which labels."""

    namespace: str
    sensor_labels: str


class Cluster:
    """Stores by kind. `synced` is set once everything has been listed. Listeners hear of every change."""

    def __init__(self, api: Api, login: Callable[[], Awaitable[connection.Credentials]], sight: Sight) -> None:
        self.synced = asyncio.Event()
        self._listeners: list[Listener] = []
        self.rules: Mapping[Kind, Store[resources.Resource]] = {
            kind: Store(kind, resources.Resource.of, self._told(kind)) for kind in kinds.RULE_KINDS
        }
        self.falcon_nodes = Store(kinds.FALCON_NODE, resources.Resource.of, self._told(kinds.FALCON_NODE))
        self.nodes = Store(kinds.NODE, _node, self._told(kinds.NODE))
        self.pods = Store(kinds.POD, pods.reduce, self._told(kinds.POD))
        everywhere = Selection("cluster", (*kinds.FALCON_KINDS, kinds.NODE))
        ours = Selection("sensors", (kinds.POD,), sight.namespace, sight.sensor_labels)
        self._watches = [Watch(each, login, self._deliver, self._resumed) for each in (everywhere, ours)]
        cluster_watch, pod_watch = self._watches
        stores: tuple[Store[Any], ...] = (*self.rules.values(), self.falcon_nodes, self.nodes)
        subjects = [Subject(store, cluster_watch) for store in stores] + [Subject(self.pods, pod_watch)]
        self._audit = Audit(api, subjects, self.synced.set)
        self._api = api
        self._stores: Mapping[Kind, Store[Any]] = {store.kind: store for store in (*stores, self.pods)}

    @property
    def trouble(self) -> str:
        """Why what is known may be out of date, "" while there is no reason to think so."""
        if not self._api.reachable:
            return "the API server does not answer"
        return next(filter(None, (watch.trouble for watch in self._watches)), self._audit.trouble)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with kind, key and value (None: gone) of each change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Until cancelled. The watches start when everything has been listed: only then are the kinds known to
        be there, without which kopf would not watch them."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._audit.run())
            await self.synced.wait()
            for watch in self._watches:
                group.create_task(watch.run())
            # What happened between our lists and the watches' own.
            self._audit.soon()

    def _deliver(self, kind: Kind, event: str | None, body: Object) -> None:
        if event is None:
            # kopf has listed: at its start, or because there was an interruption.
            self._audit.soon()
        self._stores[kind].event(event, body)

    def _resumed(self) -> None:
        """A kind of which nothing is left after an interruption is in no list that kopf tells of."""
        self._audit.soon()

    def _told(self, kind: Kind) -> Callable[[Key, Any], None]:
        def changed(key: Key, value: Any) -> None:
            for listener in tuple(self._listeners):
                listener(kind, key, value)

        return changed


def _node(body: Object) -> resources.Node:
    metadata = body["metadata"]
    return resources.Node(metadata["name"], metadata.get("labels") or {}, metadata.get("uid") or "")

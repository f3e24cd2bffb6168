"""Which nodes have a sensor, and where it listens: from pods and Nodes to the rollout.

While a DaemonSet is rolled over, a node is without a sensor for seconds. Such a node is kept for a
while, so that nothing that counts nodes flutters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from falcon_operator.clients.sensors import Sensors
from falcon_operator.handlers import pods
from falcon_operator.handlers.store import Store
from falcon_operator.reconcile import reports, resources

_GRACE_SECONDS: Final = 60.0
"""Between the end of a sensor's pod and the start of its successor: pulling an image included."""
_SETTLE_SECONDS: Final = 0.05
"""Events of one moment are looked at together."""


class Known(Protocol):
    """What is seen of the cluster, see `handlers.cluster.Cluster`."""

    @property
    def pods(self) -> Store[pods.SensorPod]: ...

    @property
    def nodes(self) -> Store[resources.Node]: ...


class Pushes(Protocol):
    """Who is told of sensors, see `reconcile.rollout.Rollout`."""

    def appeared(self, node: str) -> None: ...

    def gone(self, node: str) -> None: ...

    def states(self) -> Mapping[str, reports.NodeReport]: ...


class Fleet:
    """changed: is told when the set of nodes or a label of one has changed."""

    def __init__(
        self,
        cluster: Known,
        sensors: Sensors,
        pushes: Pushes,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._sensors = sensors
        self._rollout = pushes
        self._changed = changed
        self._clock = clock
        self._pods: dict[str, pods.SensorPod] = {}
        self._missing: dict[str, float] = {}
        self._nodes: dict[str, resources.Node] = {}
        self._news = asyncio.Event()

    @property
    def nodes(self) -> list[resources.Node]:
        """All nodes that have, or should have, a sensor."""
        return list(self._nodes.values())

    def look(self) -> None:
        """A pod or a Node has changed."""
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            self.refresh()
            try:
                async with asyncio.timeout(_GRACE_SECONDS / 4 if self._missing else None):
                    await self._news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_SETTLE_SECONDS)

    def refresh(self) -> None:
        """Brings sensors, rollout and nodes in line with the pods and Nodes that are known now."""
        best = pods.chosen(pod for _, pod in self._cluster.pods.items())
        for node, pod in best.items():
            self._missing.pop(node, None)
            before = self._pods.get(node)
            if pod != before:
                self._pods[node] = pod
                self._moved(node, before, pod)
        for node in self._pods.keys() - best.keys():
            del self._pods[node]
            self._sensors.locate(node, None)
            self._missing[node] = self._clock()
        self._forget()
        nodes = {name: self._node(name) for name in sorted({*self._pods, *self._missing})}
        if nodes != self._nodes:
            self._nodes = nodes
            self._changed()

    def _moved(self, node: str, before: pods.SensorPod | None, pod: pods.SensorPod) -> None:
        self._sensors.locate(node, pod.address, pod.port)
        if pod.address is None:
            return
        same = before is not None and _process(before) == _process(pod)
        # A sensor that has just become ready may have been waited for; one that is served needs no haste.
        if not same or (pod.ready and not self._is_served(node)):
            self._rollout.appeared(node)

    def _is_served(self, node: str) -> bool:
        state = self._rollout.states().get(node)
        return state is not None and state.trouble is None

    def _forget(self) -> None:
        for node, since in list(self._missing.items()):
            if self._cluster.nodes["", node] is None or self._clock() - since >= _GRACE_SECONDS:
                del self._missing[node]
                self._rollout.gone(node)

    def _node(self, name: str) -> resources.Node:
        return self._cluster.nodes["", name] or resources.Node(name)


def _process(pod: pods.SensorPod) -> tuple[str, str | None, int | None, int]:
    return pod.uid, pod.address, pod.port, pod.restarts

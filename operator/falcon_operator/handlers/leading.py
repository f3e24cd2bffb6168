"""The leader's work: what was compiled goes to the sensors, what became of it goes into statuses.

Made anew each time this replica begins to lead, from what every replica knows anyway.

    compiled, nodes changed --> plan --> rollout --> sensors
                                            |
    compiled, reports ----------------> statuses --> API server
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from falcon_operator.clients import errors, kinds
from falcon_operator.clients.api import Api
from falcon_operator.clients.kinds import Kind
from falcon_operator.clients.sensors import Sensors
from falcon_operator.handlers.cluster import Cluster
from falcon_operator.handlers.compilation import Compilation
from falcon_operator.handlers.fleet import Fleet
from falcon_operator.handlers.lastgood import LastGood
from falcon_operator.handlers.statuses import Statuses
from falcon_operator.handlers.store import Key
from falcon_operator.reconcile import bundles, catalog, packages, resources, rollout
from falcon_operator.settings import Settings

logger = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rules:
    """All that is known of the rules: their catalog, what compiles it, and what outlives a restart."""

    catalog: catalog.Catalog
    compilation: Compilation
    last_good: LastGood


class Leading:
    """`run` until cancelled. changed, compiled: tell it what happened; cheap, in the event loop."""

    def __init__(self, api: Api, cluster: Cluster, rules: Rules, sensors: Sensors, settings: Settings) -> None:
        self._rules = rules
        self._plan = asyncio.Event()
        self._hold = asyncio.Event()
        options = rollout.Options(
            settings.push_concurrency, settings.backoff_first, settings.backoff_most, settings.poll_seconds
        )
        self._rollout = rollout.Rollout(sensors, options, self._reported)
        self._fleet = Fleet(cluster, sensors, self._rollout, self._moved)
        self._statuses = Statuses(api, cluster, rules.catalog, self._fleet, self._rollout, settings.status_seconds)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (
                self._fleet.run(),
                self._planning(),
                self._holding(),
                self._rollout.run(),
                self._statuses.run(),
            ):
                group.create_task(part)

    def changed(self, kind: Kind, key: Key) -> None:
        """An object in the cluster."""
        if kind in (kinds.POD, kinds.NODE):
            self._fleet.look()
        else:
            self._statuses.look()

    def compiled(self) -> None:
        self._plan.set()
        self._hold.set()

    def _moved(self) -> None:
        """Nodes came, went, or got other labels."""
        self._plan.set()

    def _reported(self, node: str) -> None:
        self._statuses.look()

    async def _planning(self) -> None:
        while True:
            self._plan.clear()
            planned = await asyncio.to_thread(_planned, self._rules.compilation.entries, self._fleet.nodes)
            self._statuses.planned = planned
            self._rollout.want(planned)
            self._statuses.look()
            await self._plan.wait()

    async def _holding(self) -> None:
        while True:
            self._hold.clear()
            try:
                await self._rules.last_good.store(self._rules.catalog.held())
            except (errors.ApiError, errors.Unreachable) as error:
                logger.warning("cannot store last good versions of broken rules yet: %s", error)
                self._hold.set()
                await asyncio.sleep(_AGAIN_SECONDS)
            await self._hold.wait()


def _planned(entries: Sequence[catalog.Entry], nodes: Sequence[resources.Node]) -> dict[str, packages.Content]:
    planned = bundles.plan(entries, nodes)
    for content in {id(each): each for each in planned.values()}.values():
        # Computed here, in a thread: the rollout compares by it, in the event loop.
        _ = content.id
    return planned

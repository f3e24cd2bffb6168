"""Brings each sensor the rules it should have, and keeps on until it has acknowledged them.

One task for each node that has a sensor; a limit on conversations at once; waits that grow, with
jitter. The newest content wins: a push of an older one is given up. Time, chance and the way to
the sensors are handed in.

    appeared -> ask -> same rules? -> wait for `want`, else for the next look
                        | no                 ^
                        +-> push -> acknowledged
                             | failed: wait a while, ask and push again
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from falcon_operator.reconcile import packages, reports

_log = logging.getLogger(__name__)

_NO_HASHES: Mapping[str, str] = {}


class Sensors(Protocol):
    """The way to the sensors, see `falcon_operator.clients`. Both raise reports.PushError."""

    async def push(self, node: str, bundle_bytes: bytes, digest: str) -> reports.Report:
        """Sends a packed bundle; returns when it is in force there."""
        ...

    async def ask(self, node: str) -> reports.Report:
        """What the sensor has in force (`GET /v1/status`)."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """concurrency: conversations at once. Waits are in seconds; each is drawn from 0 to a bound ("full jitter")
    that doubles from `backoff_first` to `backoff_most`. poll: between looks at a sensor that is up to date."""

    concurrency: int = 64
    backoff_first: float = 0.5
    backoff_most: float = 60.0
    poll: float = 60.0


@dataclass(eq=False)
class _Node:
    """What is known of one node, and the conversation that may be going on with its sensor."""

    state: reports.NodeReport
    wanted: packages.Content | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    push: asyncio.Task[reports.Report] | None = None
    pushed: packages.Content | None = None
    superseded: bool = False
    """The last push was given up for a newer one."""
    must_ask: bool = True
    floor: int = 0
    """The highest revision that the sensor is known to have had."""


class Rollout:
    """Call `want` with each new plan, `appeared` and `gone` as sensors come and go, and keep `run` running.

    on_report: called with a node's name after each change of what is known about it; must not block.
    """

    def __init__(
        self,
        sensors: Sensors,
        options: Options,
        on_report: Callable[[str], None] = lambda node: None,
        stamps: packages.Stamps | None = None,
        now: Callable[[], float] = time.time,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._sensors = sensors
        self._options = options
        self._on_report = on_report
        self._stamps = stamps or packages.Stamps()
        self._now = now
        self._chance = chance
        self._slots = asyncio.Semaphore(options.concurrency)
        self._nodes: dict[str, _Node] = {}
        self._wanted: dict[str, packages.Content] = {}
        self._running = False

    def want(self, wanted: Mapping[str, packages.Content]) -> None:
        """What each node should have from now on. A node that is missing is left with what it has."""
        self._wanted = dict(wanted)
        for name, node in self._nodes.items():
            self._set_wanted(node, self._wanted.get(name))

    def appeared(self, node: str) -> None:
        """The node's sensor is reachable (again): it is asked and served at once, whatever went wrong before."""
        known = self._nodes.get(node)
        if known is None:
            known = self._nodes[node] = _Node(reports.NodeReport(node))
            self._set_wanted(known, self._wanted.get(node))
            if self._running:
                self._start(known)
            return
        # What it said before may have been another sensor on that node.
        known.state = replace(known.state, report=None, rule_hashes=_NO_HASHES, trouble=None)
        known.must_ask = True
        known.wake.set()
        self._give_up_push(known)

    def gone(self, node: str) -> None:
        """The node has no sensor any more; it is forgotten."""
        known = self._nodes.pop(node, None)
        if known is not None and known.task is not None:
            known.task.cancel()

    def states(self) -> Mapping[str, reports.NodeReport]:
        """What is known of each node that has appeared and not gone."""
        return {name: node.state for name, node in self._nodes.items()}

    async def run(self) -> None:
        """Serves until it is cancelled; then every conversation is cancelled too."""
        self._running = True
        for node in self._nodes.values():
            self._start(node)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._running = False
            tasks = [node.task for node in self._nodes.values() if node.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, node: _Node) -> None:
        node.task = asyncio.create_task(self._serve(node), name=f"rollout to {node.state.node}")

    def _set_wanted(self, node: _Node, content: packages.Content | None) -> None:
        if content is None or (node.wanted is not None and node.wanted.id == content.id):
            return
        node.wanted = content
        # Which digest that will be is decided when it is stamped, on the way to the sensor.
        node.state = replace(node.state, wanted="")
        node.wake.set()
        if node.pushed is not None and node.pushed.id != content.id and not node.superseded:
            # Only once in a row: a stream of changes must not keep a slow sensor from ever finishing one.
            node.superseded = True
            self._give_up_push(node)

    def _give_up_push(self, node: _Node) -> None:
        if node.push is not None:
            node.push.cancel()

    async def _serve(self, node: _Node) -> None:
        """The life of one node: a step, then a wait that news cut short."""
        while True:
            node.wake.clear()
            try:
                wait = await self._step(node)
            except reports.PushError as error:
                wait = self._failed(node, error)
            except Exception:
                # One node's trouble, even of a kind nobody thought of, must not end the service of it.
                _log.exception("serving node %s", node.state.node)
                failure = reports.PushError(reports.Failure.UNREACHABLE, "internal error, see the operator's log")
                wait = self._failed(node, failure)
            try:
                async with asyncio.timeout(wait):
                    await node.wake.wait()
            except TimeoutError:
                node.must_ask = True

    async def _step(self, node: _Node) -> float:
        """Asks and pushes what is needed now; how long the next step may wait. Raises PushError."""
        async with self._slots:
            name = node.state.node
            if node.must_ask:
                self._heard(node, await self._sensors.ask(name))
            content, report = node.wanted, node.state.report
            if content is None or report is None:
                return self._options.poll
            package = self._stamps.package(content, report.digest, max(report.revision, node.floor))
            node.state = replace(node.state, wanted=package.digest)
            if package.digest != report.digest:
                answer = await self._push(node, package)
                if answer is None:
                    node.wake.set()
                    return self._options.poll
                self._heard(node, _completed(answer, report))
                if answer.digest != package.digest:
                    message = f"after a push the sensor has {answer.digest or 'no bundle'} in force"
                    raise reports.PushError(reports.Failure.REFUSED, message)
            self._tell(node, rule_hashes=content.rule_hashes, trouble=None)
        return self._chance(self._options.poll / 2, self._options.poll)

    async def _push(self, node: _Node, package: packages.Package) -> reports.Report | None:
        """The sensor's answer, or None if the push was given up for something newer."""
        node.pushed = package.content
        node.push = asyncio.ensure_future(self._sensors.push(node.state.node, package.packed, package.digest))
        try:
            answer = await node.push
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                node.push.cancel()
                raise
            return None
        finally:
            node.push = node.pushed = None
        node.superseded = False
        return answer

    def _heard(self, node: _Node, report: reports.Report) -> None:
        """The sensor answered, whatever it said."""
        node.must_ask = False
        package = self._stamps.find(report.digest)
        hashes = package.content.rule_hashes if package is not None else _NO_HASHES
        self._tell(node, report=report, rule_hashes=hashes, last_contact=self._now())

    def _failed(self, node: _Node, error: reports.PushError) -> float:
        """How long to wait before the next attempt."""
        attempts = 1 if node.state.trouble is None else node.state.trouble.attempts + 1
        node.floor = max(node.floor, error.revision or 0)
        node.must_ask = True
        self._tell(node, trouble=reports.Trouble(error.failure, str(error), attempts))
        if error.failure is reports.Failure.OUTDATED_REVISION and attempts == 1:
            # Nothing is wrong but the number: ask for the sensor's, and take a higher one.
            node.wake.set()
        bound = self._options.backoff_first * 2.0 ** min(attempts - 1, 32)
        return self._chance(0, min(self._options.backoff_most, bound))

    def _tell(self, node: _Node, **changes: Any) -> None:
        node.state = replace(node.state, **changes)
        if self._nodes.get(node.state.node) is node:
            self._on_report(node.state.node)


def _completed(answer: reports.Report, before: reports.Report) -> reports.Report:
    """The answer to a push tells of the bundle alone; what the sensor said of itself still holds."""
    return replace(
        answer,
        backend=answer.backend or before.backend,
        kernel=answer.kernel or before.kernel,
        version=answer.version or before.version,
        drops=before.drops if answer.drops is None else answer.drops,
    )

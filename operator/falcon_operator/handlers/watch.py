"""kopf, reduced to what it is best at: watching kinds of objects and coming back after every failure.

Only `on.event` handlers, so kopf writes nothing: no finalizers, no annotations, no Events, no
peering. It has a thread and an event loop of its own, because it ends by cancelling every task in
its loop. Each event is handed to the operator's loop as it is; what was missed while a watch was
broken is found by `audit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import kopf
import prometheus_client

from falcon_operator.clients import connection
from falcon_operator.clients.api import Object
from falcon_operator.clients.kinds import Kind
from falcon_operator.handlers import tracing

logger = logging.getLogger(__name__)

RESTARTS: Final = prometheus_client.Counter(
    "falcon_operator_watch_restarts_total", "Watches that had to be started anew.", ["watch"]
)
EVENTS: Final = prometheus_client.Counter("falcon_operator_watch_events_total", "Events that were seen.", ["resource"])

_RESTART_SECONDS: Final = 2.0
"""Between the end of a failed watch and the next."""
_STOP_SECONDS: Final = 10.0
"""For kopf to close its connections; after that its thread, a daemon, is left behind."""


class _Backoffs:
    """Seconds between attempts, for ever: a server that is away is asked again soon and gently. A watch that gives up
    makes kopf end, and when several do at once kopf may wait for its own end for ever."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(3.0))


Deliver = Callable[[Kind, str | None, Object], None]
"""Called in the operator's loop with the kind, ADDED, MODIFIED, DELETED or None (listed), and the object."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What one watch sees. namespace: None for the whole cluster. labels: a selector, "" for all."""

    name: str
    kinds: Sequence[Kind]
    namespace: str | None = None
    labels: str = ""


class Watch:
    """One selection, watched until cancelled."""

    def __init__(
        self,
        selection: Selection,
        login: Callable[[], Awaitable[connection.Credentials]],
        deliver: Deliver,
        resumed: Callable[[], None],
    ) -> None:
        """resumed: called in the operator's loop when requests succeed again after some had failed."""
        self.selection = selection
        self._login = login
        self._deliver = deliver
        self._resumed = resumed
        self._again = asyncio.Event()
        self._requests = tracing.Requests()

    @property
    def trouble(self) -> str:
        """Why it does not see everything now, "" if it does."""
        return self._requests.trouble

    def restart(self) -> None:
        """Lists and watches anew: this watch has been found to miss something."""
        self._again.set()

    async def run(self) -> None:
        while True:
            self._again.clear()
            await self._once()
            RESTARTS.labels(self.selection.name).inc()
            await asyncio.sleep(_RESTART_SECONDS)

    async def _once(self) -> None:
        """Until kopf fails or a restart is wanted."""
        loop = asyncio.get_running_loop()
        stop, ended = threading.Event(), asyncio.Event()

        def work() -> None:
            try:
                asyncio.run(self._operator(loop, stop))
            except Exception as error:
                logger.warning("the watch of %s ended: %s", self.selection.name, error)
            finally:
                with contextlib.suppress(RuntimeError):  # Our own loop may be closed by now.
                    loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=work, name=f"watch-{self.selection.name}", daemon=True).start()
        try:
            await _first(self._again, ended)
        finally:
            stop.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await ended.wait()

    async def _operator(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        """kopf with a registry that holds our handlers alone. Runs in the thread."""
        registry = kopf.OperatorRegistry()

        def resumed() -> None:
            with contextlib.suppress(RuntimeError):  # As above.
                loop.call_soon_threadsafe(self._resumed)

        async def login(**_: Any) -> kopf.AiohttpSession:
            return self._session(_info(await self._login()), resumed)

        kopf.on.login(registry=registry, id="login")(login)
        for kind in self.selection.kinds:
            kopf.on.event(
                group=kind.group, version=kind.version, plural=kind.plural, registry=registry, id=kind.plural
            )(_handler(kind, loop, self._deliver))
        where: dict[str, Any] = {"clusterwide": True}
        if self.selection.namespace is not None:
            where = {"namespaces": [self.selection.namespace]}
        await kopf.operator(
            registry=registry, settings=_settings(self.selection), standalone=True, stop_flag=stop, **where
        )

    def _session(self, info: kopf.ConnectionInfo, resumed: Callable[[], None]) -> kopf.AiohttpSession:
        """As kopf would make it, with an ear to what becomes of its requests. kopf closes it."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
            headers=info.as_http_headers(),
            trace_configs=[self._requests.ear(resumed)],
        )
        return kopf.AiohttpSession(aiohttp_session=session, server=info.server)


def _handler(kind: Kind, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> Callable[..., Awaitable[None]]:
    seen = EVENTS.labels(kind.plural)

    async def handle(event: dict[str, Any], **_: Any) -> None:
        seen.inc()
        with contextlib.suppress(RuntimeError):  # The operator's loop is closed: it is stopping.
            loop.call_soon_threadsafe(deliver, kind, event["type"], event["object"])

    return handle


def _settings(selection: Selection) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.posting.level = logging.ERROR
    # Namespaces and CRDs are not watched, which would take more rights; who starts us waits for the CRDs.
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.networking.error_backoffs = _Backoffs()
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.watching.reconnect_backoff = 0.5
    # Workers of single objects have nothing to keep between events.
    settings.queueing.idle_timeout = 1.0
    if selection.labels:
        for kind in selection.kinds:
            settings.watching.label_selectors[kind.plural] = selection.labels
    return settings


def _info(found: connection.Credentials) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=found.server,
        ca_path=found.ca_file,
        insecure=found.insecure,
        scheme="Bearer" if found.token else None,
        token=found.token,
        certificate_path=found.certificate_file,
        private_key_path=found.key_file,
        username=found.username,
        password=found.password,
    )


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()

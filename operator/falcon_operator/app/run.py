"""`falcon-operator run`: connects, runs the operator, and ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path

from falcon_operator.app import logs
from falcon_operator.app.operator import Operator
from falcon_operator.clients import api, connection
from falcon_operator.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """The exit code: 0 after a signal, 1 for what cannot go on."""
    logs.set_up(settings.log_level)
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    try:
        connected = await api.connect(Path(settings.kubeconfig) if settings.kubeconfig else None)
    except connection.NoConnection as error:
        logger.error("%s", error)
        return 1
    async with connected:
        work = asyncio.create_task(Operator(connected, settings, _identity(settings)).run(), name="operator")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        await asyncio.wait([work])
        if work.cancelled():
            logger.info("stopped")
            return 0
        if (failure := work.exception()) is not None:
            logger.critical("the operator cannot go on", exc_info=failure)
        return 1


def _identity(settings: Settings) -> str:
    """The pod's name: a restarted container may take its own Lease back at once, its forerunner is dead."""
    return settings.pod_name or f"{socket.gethostname()}-{os.getpid()}"

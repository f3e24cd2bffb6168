"""`falcon-hub serve`: everything up, until SIGTERM or Ctrl-C, and down again with nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from falcon_hub.api import tokens
from falcon_hub.app import assembly, place
from falcon_hub.settings import load, model
from falcon_hub.store import migrating, records


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line says."""

    config: str | None
    options: tuple[str, ...]


def run(request: Request, environ: Mapping[str, str]) -> int:
    """The exit code."""
    # Alerts and tokens are nobody else's.
    os.umask(0o077)
    try:
        settings, _origins = load.load(request.config, request.options, environ)
        asyncio.run(_serve(settings))
    except load.SettingsError as error:
        return _complain(error.messages)
    except (place.Refusal, tokens.TokenError, migrating.MigrationError) as error:
        return _complain([str(error)])
    except records.Unavailable as error:
        return _complain([f"the database cannot be used: {error}"])
    return 0


def _complain(messages: Sequence[str]) -> int:
    for message in messages:
        say(message)
    return 1


def say(text: str) -> None:
    print(f"falcon-hub: {text}", file=sys.stderr, flush=True)


async def _serve(settings: model.Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        hub = await stack.enter_async_context(assembly.assemble(settings, say))
        address = await stack.enter_async_context(hub.listening())
        say(f"ready: the page and alerts at {address}")
        await stop.wait()
        say("stopping")

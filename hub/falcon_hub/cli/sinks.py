"""`falcon-hub sinks`, `test-sink` and `dead-letters`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from falcon_hub.settings import model
    from falcon_hub.store import store

FAILED = 1


def add(commands: Any, configured: Callable[[argparse.ArgumentParser], None]) -> None:
    """Adds the commands. configured: adds the arguments that name the settings."""
    kinds = commands.add_parser("sinks", help="print the kinds of sinks, or all options of one")
    kinds.add_argument("type", nargs="?", metavar="TYPE", help="such as slack; all kinds without")
    kinds.set_defaults(command=_kinds)
    test = commands.add_parser(
        "test-sink",
        help="send a test alert through one sink",
        description="Send one test alert through a sink, whatever its match, and print what became of it.",
    )
    configured(test)
    test.add_argument("name", metavar="NAME", help="the sink's name in the settings")
    test.add_argument("-p", "--priority", default="Warning", help="of the alert (default: Warning)")
    test.set_defaults(command=_test)
    letters = commands.add_parser(
        "dead-letters",
        help="show alerts that receivers refused, try them again or forget them",
        description="Alerts that a sink's receiver refused. The alerts themselves stay in the store either way.",
    )
    configured(letters)
    letters.add_argument("action", choices=("list", "retry", "drop"))
    letters.add_argument("--sink", metavar="NAME", help="only those of one sink")
    letters.add_argument("ids", nargs="*", type=int, metavar="ID", help="as listed; all without")
    letters.set_defaults(command=_dead_letters)


def _kinds(options: argparse.Namespace) -> int:
    from falcon_hub.sinks import document, registry

    if options.type is not None and options.type not in registry.TYPES:
        return _complain(f"{options.type} is none of {', '.join(registry.TYPES)}")
    sys.stdout.write(document.kinds() if options.type is None else document.kind(options.type))
    return 0


def _test(options: argparse.Namespace) -> int:
    from falcon_hub import alerts
    from falcon_hub.routing import links, trying
    from falcon_hub.sinks import base

    try:
        settings = _settings(options)
        wanted = trying.chosen(options.name, settings.sinks, settings.routing)
        alert = trying.alert(alerts.priority(options.priority))
        problem = asyncio.run(trying.send(wanted, alert, links.template(settings.listen.public_url)))
    except (base.Unusable, alerts.Invalid) as error:
        return _complain(str(error))
    if problem is not None:
        return _complain(f"sink {options.name}: {problem}")
    print(f"sink {options.name}: delivered ({alert.uuid})")
    return 0


def _dead_letters(options: argparse.Namespace) -> int:
    from falcon_hub.store import migrating, records

    try:
        return asyncio.run(_letters(options, _settings(options)))
    except (records.Unavailable, migrating.MigrationError) as error:
        return _complain(f"the database cannot be used: {error}")


async def _letters(options: argparse.Namespace, settings: model.Settings) -> int:
    from falcon_hub.store import store

    async with await store.Store.open(settings.database_url, settings.database_password) as kept:
        if options.action == "list":
            for each in await _all(kept, options.sink):
                if not options.ids or each.id in options.ids:
                    print(
                        f"{each.id}  {each.sink}  {each.alert.uuid}  {each.alert.rule}  {each.attempts}x  {each.reason}"
                    )
            return 0
        ids = options.ids or None
        if options.action == "retry":
            print(f"{await kept.dead_letters.retry(ids, sink=options.sink)} will be tried again by the running hub")
        else:
            print(f"{await kept.dead_letters.drop(ids, sink=options.sink)} forgotten")
    return 0


async def _all(kept: store.Store, sink: str | None) -> store.Letters:
    found: store.Letters = []
    while page := await kept.dead_letters.list(sink, 500, found[-1].id if found else 0):
        found += page
    return found


def _settings(options: argparse.Namespace) -> model.Settings:
    from falcon_hub.settings import load

    try:
        return load.load(options.config, tuple(options.option), os.environ)[0]
    except load.SettingsError as error:
        for message in error.messages:
            _complain(message)
        raise SystemExit(FAILED) from None


def _complain(text: str) -> int:
    print(f"falcon-hub: {text}", file=sys.stderr)
    return FAILED

"""`falcon-hub user ...` and `falcon-hub migrate`: on the store directly, whether a hub runs or not."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from falcon_hub.store import store

ROLES = ("viewer", "admin")
Configured = Callable[[argparse.ArgumentParser], None]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], configured: Configured) -> None:
    user = commands.add_parser("user", help="who may log in", description="Who may log in to the page.")
    verbs = user.add_subparsers(metavar="COMMAND", required=True)

    def verb(name: str, text: str, action: Callable[[argparse.Namespace], Awaitable[None]], named: bool = True) -> None:
        parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if named:
            parser.add_argument("name", metavar="NAME")
        if name in ("add", "role"):
            parser.add_argument("--role", choices=ROLES, default=None, required=name == "role", help="default: viewer")
        configured(parser)
        parser.set_defaults(command=lambda options: _run(action, options))

    verb("add", "add a user; the password is asked for, or read from standard input", _add)
    verb("passwd", "change a user's password; ends the user's sessions", _passwd)
    verb("role", "change a user's role; ends the user's sessions", _role)
    verb("disable", "let a user in no more; ends the user's sessions", _disable)
    verb("enable", "let a disabled user in again", _enable)
    verb("remove", "remove a user", _remove)
    verb("list", "list users", _list, named=False)
    migrate = commands.add_parser(
        "migrate",
        help="bring the database to this version (serve does it by itself)",
        description="Bring the database to this version.",
    )
    configured(migrate)
    migrate.set_defaults(command=lambda options: _run(_migrate, options))


def _run(action: Callable[[argparse.Namespace], Awaitable[None]], options: argparse.Namespace) -> int:
    from falcon_hub.access import passwords, people
    from falcon_hub.settings import load
    from falcon_hub.store import database, migrating, records

    try:
        asyncio.run(_awaited(action(options)))
    except load.SettingsError as error:
        return _complain(*error.messages)
    except records.Unavailable as error:
        return _complain(f"the database cannot be used: {error}")
    except database.BadUrl as error:
        return _complain(f"store.url {error}")
    except (passwords.Weak, people.BadUser, migrating.MigrationError) as error:
        return _complain(str(error))
    except (KeyboardInterrupt, EOFError):
        return _complain("nothing was changed")
    return 0


async def _awaited(action: Awaitable[None]) -> None:
    await action


def _complain(*messages: str) -> int:
    for message in messages:
        print(f"falcon-hub: {message}", file=sys.stderr)
    return 1


def _password() -> str:
    """Asked for twice in a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    from falcon_hub.access import people

    first = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != first:
        raise people.BadUser("these were two different passwords; nothing was changed")
    return first


def _me() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return f"uid {os.getuid()} (command line)"


async def _store(options: argparse.Namespace) -> store.Store:
    from falcon_hub.settings import load
    from falcon_hub.store import store

    os.umask(0o077)
    settings, _origins = load.load(options.config, options.option, os.environ)
    return await store.Store.open(settings.database_url, settings.database_password)


async def _add(options: argparse.Namespace) -> None:
    from falcon_hub.access import people

    async with await _store(options) as kept:
        await people.add(kept.accounts, options.name, options.role or "viewer", _password(), by=_me())
    print(f"added {options.name} as {options.role or 'viewer'}")


async def _passwd(options: argparse.Namespace) -> None:
    await _change(options, password=_password())


async def _role(options: argparse.Namespace) -> None:
    await _change(options, role=options.role)


async def _disable(options: argparse.Namespace) -> None:
    await _change(options, disabled=True)


async def _enable(options: argparse.Namespace) -> None:
    await _change(options, disabled=False)


async def _change(
    options: argparse.Namespace, password: str | None = None, role: str | None = None, disabled: bool | None = None
) -> None:
    from falcon_hub.access import people

    async with await _store(options) as kept:
        await people.change(kept.accounts, options.name, by=_me(), password=password, role=role, disabled=disabled)
    print(f"changed {options.name}")


async def _remove(options: argparse.Namespace) -> None:
    from falcon_hub.access import people

    async with await _store(options) as kept:
        await people.remove(kept.accounts, options.name, by=_me())
    print(f"removed {options.name}")


async def _list(options: argparse.Namespace) -> None:
    async with await _store(options) as kept:
        for user in await kept.accounts.users():
            print(user.name, user.role, *(["disabled"] if user.disabled else []), sep="\t")


async def _migrate(options: argparse.Namespace) -> None:
    async with await _store(options):
        print("the database is as this version wants it")

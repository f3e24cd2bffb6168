"""Users with passwords: added by `falcon-hub user`, and the first one of all."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time

from falcon_hub.access import passwords, roles
from falcon_hub.store import accounts, records

_NAME = re.compile(r"[\w.@+-]{1,200}")


class BadUser(ValueError):
    """The text is for whoever asked."""


async def add(kept: accounts.Accounts, name: str, role: str, password: str, *, by: str) -> None:
    """Raises BadUser, passwords.Weak."""
    if not _NAME.fullmatch(name):
        raise BadUser(f"{name!r} is no user's name: letters, digits and . _ @ + - will do")
    if role not in roles.ALL:
        raise BadUser(f"a role is one of {', '.join(roles.ALL)}")
    if await kept.user(name) is not None:
        raise BadUser(f"there is a user {name} already; `falcon-hub user passwd {name}` changes the password")
    hashed = await asyncio.to_thread(passwords.hashed, password)
    await kept.put_user(records.User(name, role, hashed, time.time_ns()))
    await kept.log(by, "add user", {"user": name, "role": role})


async def change(
    kept: accounts.Accounts,
    name: str,
    *,
    by: str,
    password: str | None = None,
    role: str | None = None,
    disabled: bool | None = None,
) -> None:
    """What is None stays. The user's sessions end. Raises BadUser, passwords.Weak."""
    user = await kept.user(name)
    if user is None:
        raise BadUser(f"there is no user {name}")
    if role is not None and role not in roles.ALL:
        raise BadUser(f"a role is one of {', '.join(roles.ALL)}")
    hashed = user.password_hash if password is None else await asyncio.to_thread(passwords.hashed, password)
    role = user.role if role is None else role
    disabled = user.disabled if disabled is None else disabled
    await kept.put_user(dataclasses.replace(user, password_hash=hashed, role=role, disabled=disabled))
    changed = {"user": name, "role": role, "disabled": disabled, "password": password is not None}
    await kept.log(by, "change user", changed)


async def remove(kept: accounts.Accounts, name: str, *, by: str) -> None:
    """Raises BadUser."""
    if not await kept.remove_user(name):
        raise BadUser(f"there is no user {name}")
    await kept.log(by, "remove user", {"user": name})

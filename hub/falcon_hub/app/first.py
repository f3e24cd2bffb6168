"""The first user: there is no default password, but somebody must get in."""

from __future__ import annotations

from collections.abc import Callable

from falcon_hub.access import passwords, people, roles
from falcon_hub.app import place
from falcon_hub.settings import model
from falcon_hub.store import store

NAME = "admin"


async def user(kept: store.Store, wanted: model.Access, say: Callable[[str], None], *, terminal: bool) -> None:
    """Does nothing when there are users. terminal: a person sees what is said, and nobody keeps it. Raises Refusal."""
    if await kept.accounts.users():
        return
    if wanted.first_admin_password is not None:
        try:
            await people.add(kept.accounts, NAME, roles.ADMIN, wanted.first_admin_password.reveal(), by="settings")
        except passwords.Weak as error:
            raise place.Refusal(f"access.first_admin_password: {error}") from None
        say(f"made the user {NAME} with the password of access.first_admin_password")
    elif terminal:
        password = passwords.generated()
        await people.add(kept.accounts, NAME, roles.ADMIN, password, by="first start")
        say(f"made the user {NAME} with the password {password}   (shown this once)")
    elif not wanted.oidc.issuer:
        say("nobody can log in yet: `falcon-hub user add NAME --role admin` makes the first user")

"""Passwords, hashed with Argon2id. A hash takes 19 MiB and some 30 ms, so it is made in a thread, two at once: a flood
of logins can keep nobody's alerts waiting, nor fill the memory."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import argon2

SHORTEST: Final = 10
LONGEST: Final = 1024

# OWASP's choice for Argon2id where memory is scarce.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE: Final = 2
# Of a password nobody has, so that a name that is not there takes as long as one that is.
_NOBODY: Final = _HASHER.hash(secrets.token_urlsafe(32))


class Weak(ValueError):
    """The text says what a password needs."""


def check(password: str) -> None:
    """Raises Weak. Length is all that is asked: rules about signs make passwords worse."""
    if len(password) < SHORTEST:
        raise Weak(f"a password needs at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise Weak(f"a password may have {LONGEST} characters")


def hashed(password: str) -> str:
    """Takes a while. Raises Weak."""
    check(password)
    return _HASHER.hash(password)


def generated() -> str:
    return secrets.token_urlsafe(15)


class Verifier:
    """One per event loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """None: the user has no password, or there is no such user; it takes as long to say so."""
        if len(password) > LONGEST:
            return False
        async with self._turns:
            fits = await asyncio.to_thread(_fits, password_hash or _NOBODY, password)
        return fits and password_hash is not None


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False

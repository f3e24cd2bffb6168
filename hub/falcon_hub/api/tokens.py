"""Who may send alerts: the tokens in a file, which is read again when it changes."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from aiohttp import web

SHORTEST = 16
"""Characters of a token. Shorter ones could be guessed through a network."""


class TokenError(Exception):
    """The file cannot be used; the text says why and what to do."""


class Tokens:
    """Tokens of a file, one a line; empty lines and those that begin with # are left out."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._digests: list[bytes] = []
        self._read()

    @classmethod
    def open(cls, path: str, *, make: bool) -> Tokens:
        """make: if there is no file, one with a random token is made, for its owner alone. Raises TokenError."""
        if make and not os.path.exists(path):
            _make(path)
        return cls(path)

    def _read(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            lines = [line.strip() for line in self._path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise TokenError(f"cannot read the tokens of senders in {self._path}: {reason}") from None
        tokens = [line for line in lines if line and not line.startswith("#")]
        if not tokens:
            raise TokenError(f"{self._path} has no token; write one into it, of at least {SHORTEST} characters")
        if any(len(token) < SHORTEST for token in tokens):
            raise TokenError(f"{self._path} has a token of fewer than {SHORTEST} characters, which could be guessed")
        self._digests = [_digest(token) for token in tokens]
        self._stamp = stamp

    def allow(self, token: str) -> bool:
        # While the file is being replaced, or has gone away, what was read last counts.
        with contextlib.suppress(TokenError):
            self._read()
        digest = _digest(token)
        # All are compared, so that the time tells nothing.
        return sum(hmac.compare_digest(digest, each) for each in self._digests) > 0

    def require(self, request: web.Request) -> None:
        """Raises 401 for a request without a good `Authorization: Bearer`."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self.allow(token.strip()):
            raise web.HTTPUnauthorized(
                text="send a token of ingest.token_file as `Authorization: Bearer TOKEN`\n",
                headers={"WWW-Authenticate": 'Bearer realm="falcon-hub"'},
            )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _make(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another start was quicker
    except OSError as error:
        raise TokenError(f"cannot make {path} for the token of senders: {error.strerror}") from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")

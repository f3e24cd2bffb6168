"""Takes secrets out of what a sink says.

Many receivers' addresses are the secret itself (Slack, Discord, Teams), and libraries put addresses into their errors.
So besides never printing a `Secret`, everything a sink says goes through `Redactor`.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable

from falcon_hub.settings import secrets

SHORTEST = 4
"""Characters. Shorter secrets are not searched for in texts: they would be found everywhere, and protect nothing."""
SHORTEST_PIECE = 8
"""Characters of a piece of an address that counts as a secret by itself."""


class Redactor:
    """Takes secrets out of texts that somebody will read."""

    def __init__(self, found: Iterable[secrets.Secret]) -> None:
        self._secrets = tuple(found)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            try:
                value = secret.reveal()
            except secrets.Unreadable:
                continue
            for form in sorted(_forms(value), key=len, reverse=True):
                text = text.replace(form, "***")
        return text


def _forms(value: str) -> set[str]:
    """How a secret may stand in a text: as it is, quoted, and of an address also what follows the host."""
    forms = {value, urllib.parse.quote(value), urllib.parse.quote(value, safe=""), repr(value)[1:-1]}
    parts = _parts(value)
    if parts is not None:
        tail = parts.path + (f"?{parts.query}" if parts.query else "")
        forms |= {tail.strip("/"), parts.query, parts.password or "", parts.netloc.rpartition("@")[0]}
        # Each piece of the path and each argument may be the key; a word of the path lost with them hurts nobody.
        arguments = [argument for _, argument in urllib.parse.parse_qsl(parts.query)]
        forms |= {piece for piece in (*parts.path.split("/"), *arguments) if len(piece) >= SHORTEST_PIECE}
    return {form for form in forms if len(form) >= SHORTEST}


def _parts(value: str) -> urllib.parse.SplitResult | None:
    """Of what is an address; else None."""
    try:
        return urllib.parse.urlsplit(value) if "://" in value else None
    except ValueError:
        return None

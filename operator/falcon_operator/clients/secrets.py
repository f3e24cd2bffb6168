"""Secrets as text, and the trust that the API server puts into our webhook."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from falcon_operator.clients.api import Api
from falcon_operator.clients.kinds import SECRET, WEBHOOKS


@dataclass(frozen=True, slots=True)
class Secret:
    """data: what can be read as text. version: for `write`."""

    name: str
    data: Mapping[str, str]
    version: str


async def read(api: Api, namespace: str, name: str) -> Secret:
    """Raises errors.NotFound if the Secret is not there."""
    found = await api.get(SECRET, name, namespace)
    data = {key: _text(value) for key, value in (found.get("data") or {}).items()}
    return Secret(name, data, found["metadata"]["resourceVersion"])


async def write(api: Api, namespace: str, secret: Secret, data: Mapping[str, str]) -> Secret:
    """Sets these keys. Raises errors.Conflict if the Secret has changed since it was read."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    patch = {"metadata": {"resourceVersion": secret.version}, "data": encoded}
    written = await api.patch(SECRET, secret.name, patch, namespace)
    return Secret(secret.name, {**secret.data, **data}, written["metadata"]["resourceVersion"])


async def trust_webhook(api: Api, name: str, authorities: str) -> bool:
    """Makes the API server believe our admission server by these CAs; whether there was something to change."""
    found = await api.get(WEBHOOKS, name)
    bundle = base64.b64encode(authorities.encode()).decode()
    webhooks = found.get("webhooks") or []
    if all(each["clientConfig"].get("caBundle") == bundle for each in webhooks):
        return False
    changed = [{**each, "clientConfig": {**each["clientConfig"], "caBundle": bundle}} for each in webhooks]
    patch = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "webhooks": changed}
    await api.patch(WEBHOOKS, name, patch)
    return True


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""

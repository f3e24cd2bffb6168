"""Keeps the last good versions of rules that are broken now, beyond the end of the process.

The API server has only the broken text, and the sensors will be sent what the operator believes in:
without this, a restart would take a rule out of force that had better stay. The leader stores them
in the Secret `<release>-held`, which the chart makes; every replica reads it when it starts.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Sequence
from typing import Final

from falcon_operator.clients import errors, secrets
from falcon_operator.clients.api import Api
from falcon_rules import bundle, wire

logger = logging.getLogger(__name__)

_KEY: Final = "bundle"
_MOST_CHARACTERS: Final = 1_000_000
"""A Secret holds 1 MiB. Thousands of rules that are all broken at once do not fit, and are not kept."""
_RETRY_SECONDS: Final = 1.0


class LastGood:
    """One Secret."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._stored: str | None = None

    async def load(self) -> Sequence[bundle.Rule]:
        """What was stored; waits for an API server that cannot be reached."""
        while True:
            try:
                secret = await secrets.read(self._api, self._namespace, self._name)
            except errors.Unreachable:
                await asyncio.sleep(_RETRY_SECONDS)
            except errors.ApiError as error:
                logger.warning("last good versions of broken rules do not outlive a restart: %s", error)
                return ()
            else:
                self._stored = secret.data.get(_KEY, "")
                return _read(self._stored)

    async def store(self, rules: Sequence[bundle.Rule]) -> None:
        """Stores these in place of what was stored. Raises errors.ApiError and errors.Unreachable."""
        text = await asyncio.to_thread(_written, rules)
        if text == (self._stored or ""):
            return
        if len(text) > _MOST_CHARACTERS:
            logger.warning("too many rules are broken to keep their last good versions beyond a restart")
            return
        try:
            secret = await secrets.read(self._api, self._namespace, self._name)
            await secrets.write(self._api, self._namespace, secret, {_KEY: text})
        except errors.NotFound:
            pass  # `load` has told so.
        self._stored = text


def _written(rules: Sequence[bundle.Rule]) -> str:
    if not rules:
        return ""
    return base64.b64encode(wire.pack(wire.dumps(bundle.Bundle(tuple(rules))))).decode()


def _read(text: str) -> Sequence[bundle.Rule]:
    if not text:
        return ()
    try:
        return wire.loads(wire.unpack(base64.b64decode(text))).rules
    except (wire.WireError, binascii.Error) as error:
        logger.warning("the stored last good versions of broken rules cannot be read: %s", error)
        return ()

"""Pushed bundles on their way into force: one at a time, and of several the newest.

    body -> unpacked, digest compared (a helper thread) -> waits its turn -> newest? -> Sensor.load

Only what decides whether the sensor is bothered at all is looked at here: identity, format,
revision. Whether the bytes are a bundle is found out where it is read, in a process of its own.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

from falcon_rules import bundle, wire
from falcon_sensor.api.refusals import Reason, Refusal

DIGEST_PREFIX: Final = "sha256:"

# Quotes within strings are escaped in JSON, so neither pattern can meet one; the format has either member once.
_REVISION: Final = re.compile(rb'"revision":(\d{1,19})[,}]')
_FORMAT: Final = re.compile(rb'"format":(\d{1,9})[,}]')


@dataclass(frozen=True, slots=True)
class InForce:
    """What the sensor has. digest: ``sha256:...``, empty while it has nothing. rule_errors: (uid, reason)."""

    digest: str = ""
    revision: int = 0
    rule_errors: tuple[tuple[str, str], ...] = ()

    def report(self) -> dict[str, Any]:
        """As the API tells it."""
        errors = [{"uid": uid, "reason": reason} for uid, reason in self.rule_errors]
        return {"digest": self.digest, "revision": self.revision, "ruleErrors": errors}


class Sensor(Protocol):
    """The sensor itself, wherever it runs."""

    @property
    def in_force(self) -> InForce: ...

    async def load(self, packed: bytes, digest: str) -> InForce:
        """Returns when the bundle is in force. Raises Refusal; what was in force before still is then."""

    async def health(self) -> dict[str, Any]:
        """See `health.Health`. Raises TimeoutError when the sensor does not answer."""


def inspect(packed: bytes, digest: str) -> int:
    """The revision of a bundle whose identity is as announced. Raises Refusal."""
    try:
        data = wire.unpack(packed)
    except wire.WireError as error:
        raise Refusal(400, Reason.MALFORMED, str(error)) from None
    found = DIGEST_PREFIX + wire.digest(data)
    if found != digest:
        raise Refusal(400, Reason.WRONG_DIGEST, f"the bundle's digest is {found}, announced was {digest or 'none'}")
    version, revision = _FORMAT.search(data), _REVISION.search(data)
    if version is not None and int(version[1]) != bundle.FORMAT_VERSION:
        raise Refusal(
            426,
            Reason.FORMAT,
            f"the bundle has format version {int(version[1])}, this sensor reads version {bundle.FORMAT_VERSION}; "
            "let operator and sensors have the same release",
        )
    if version is None or revision is None:
        raise Refusal(400, Reason.MALFORMED, "not a bundle: it has no format version or no revision")
    return int(revision[1])


class Pushes:
    """Takes pushes from any number of connections."""

    def __init__(self, sensor: Sensor) -> None:
        self._sensor = sensor
        self._turn = asyncio.Lock()
        self._newest = 0
        self.waiting = 0
        """How many wait for their turn."""

    async def put(self, packed: bytes, digest: str) -> InForce:
        """Returns when the bundle is in force. Raises Refusal."""
        revision = await asyncio.to_thread(inspect, packed, digest)
        self._newest = max(self._newest, revision)
        self.waiting += 1
        async with self._turn:
            self.waiting -= 1
            now = self._sensor.in_force
            if digest == now.digest:
                return now
            if revision <= now.revision:
                text = f"revision {revision} is not newer than {now.revision}, which is in force"
                raise Refusal(409, Reason.OUTDATED, text, now.revision)
            if revision < self._newest:
                text = f"revision {revision} was overtaken by {self._newest}, which has come in the meantime"
                raise Refusal(409, Reason.OUTDATED, text, self._newest)
            try:
                return await self._sensor.load(packed, digest)
            except BaseException:
                # What cannot be loaded must not stand in the way of those before it.
                self._newest = self._sensor.in_force.revision
                raise

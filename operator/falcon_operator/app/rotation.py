"""Keeps certificates in Secrets: the leader makes and renews them, every replica reads and uses them.

    <release>-ca         ca.key, ca.crt              for the operator alone: who has it can be anybody
    <release>-tls        tls.crt, tls.key, ca.crt    mounted by sensors: their API's certificate
    <release>-admission  tls.crt, tls.key, ca.crt    the admission server's certificate
    <release>-hub-tls    tls.crt, tls.key, ca.crt    the hub's certificate, where there is a hub; sensors mount ca.crt
    <release>-hub-token  token                       what sensors show to the hub, random; made anew when it is removed

The names of the keys are those of cert-manager, which can fill all but the first and the last instead
of us; we then only read. `ca.crt` holds every CA that is to be trusted, the newest first. The chart makes the
Secrets, empty, so that nobody needs the right to create any.

When the CA changes, trust comes first: the new CA is stored, then the API server is told of it, then
certificates of it are handed out. A step that fails is done in the next round.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import secrets as random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import prometheus_client

from falcon_operator.app import certificates
from falcon_operator.clients import errors, secrets
from falcon_operator.clients.api import Api

logger = logging.getLogger(__name__)

EXPIRY: Final = prometheus_client.Gauge(
    "falcon_operator_certificate_expiry_seconds", "When a certificate ends (unix time).", ["secret"]
)

_EVERY_SECONDS: Final = 60.0
_SOON_SECONDS: Final = 0.5
"""While something is missing, at first: sensors and the webhook wait for it."""
CA, CERTIFICATE, KEY, CA_KEY = "ca.crt", "tls.crt", "tls.key", "ca.key"
TOKEN = "token"
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Material:
    """What a replica uses. authorities: PEM, to know sensors by. admission: None until there is one."""

    authorities: str
    admission: certificates.Pair | None


@dataclass(frozen=True, slots=True)
class HubPlaces:
    """Names of the hub's Secrets (token "": somebody else's) and the names in its certificate."""

    tls: str
    token: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Names of the Secrets and of the webhook's configuration ("" for none), and the names in certificates."""

    namespace: str
    ca: str
    sensor: str
    admission: str
    webhook: str
    sensor_names: tuple[str, ...]
    admission_names: tuple[str, ...]
    hub: HubPlaces | None = None


def _utcnow() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Rotation:
    """manage: false if somebody else fills the Secrets. publish: gets the material, whenever it has changed."""

    def __init__(
        self,
        api: Api,
        places: Places,
        manage: bool,
        leading: Callable[[], bool],
        publish: Callable[[Material], None],
        now: Callable[[], datetime.datetime] = _utcnow,
    ) -> None:
        self._api = api
        self._places = places
        self._manage = manage
        self._leading = leading
        self._publish = publish
        self._now = now
        self._published: Material | None = None
        self._complained = ""

    async def run(self) -> None:
        pause = _SOON_SECONDS
        while True:
            complete = False
            try:
                complete = await self.turn()
            except errors.Conflict:
                pass  # The Secret has just changed; the next round sees it as it is now.
            except (errors.ApiError, errors.Unreachable) as error:
                self._complain(error)
            pause = _EVERY_SECONDS if complete else _SOON_SECONDS if pause == _EVERY_SECONDS else pause * 1.2
            await asyncio.sleep(min(pause, _EVERY_SECONDS))

    async def turn(self) -> bool:
        """One round; whether everything is there. Raises errors.ApiError and errors.Unreachable."""
        places = self._places
        told = await self._maintain() if self._leading() else True
        sensor = await secrets.read(self._api, places.namespace, places.sensor)
        admission = await secrets.read(self._api, places.namespace, places.admission)
        pair = certificates.Pair(admission.data.get(CERTIFICATE, ""), admission.data.get(KEY, ""))
        material = Material(sensor.data.get(CA, ""), pair if pair.certificate and pair.key else None)
        if material != self._published:
            self._published = material
            self._publish(material)
        served = [sensor, admission]
        if places.hub is not None:
            served.append(await secrets.read(self._api, places.namespace, places.hub.tls))
        for secret in served:
            if end := certificates.expiry(secret.data.get(CERTIFICATE, "")):
                EXPIRY.labels(secret.name).set(end.timestamp())
        return told and bool(material.authorities) and material.admission is not None

    async def _maintain(self) -> bool:
        """The leader's part; whether the API server believes our webhook (or there is none)."""
        places = self._places
        if places.hub is not None and places.hub.token:
            await self._token(places.hub.token)
        if not self._manage:
            admission = await secrets.read(self._api, places.namespace, places.admission)
            return await self._tell_webhook(admission.data.get(CA, ""))
        ca, authorities = await self._authority()
        told = await self._tell_webhook(authorities)
        await self._serving(places.sensor, places.sensor_names, ca, authorities)
        await self._serving(places.admission, places.admission_names, ca, authorities)
        if places.hub is not None:
            await self._serving(places.hub.tls, places.hub.names, ca, authorities)
        return told

    async def _token(self, name: str) -> None:
        """Made once, and by us: what helm made would stand in the release's Secret and change with every rendering."""
        secret = await secrets.read(self._api, self._places.namespace, name)
        if not secret.data.get(TOKEN, "").strip():
            logger.info("making a token for the hub's senders in Secret %s", name)
            await secrets.write(self._api, self._places.namespace, secret, {TOKEN: random.token_urlsafe(_TOKEN_BYTES)})

    async def _authority(self) -> tuple[certificates.Pair, str]:
        """The CA that signs now, renewed if due, and all that are to be trusted."""
        secret = await secrets.read(self._api, self._places.namespace, self._places.ca)
        stored, now = secret.data.get(CA, ""), self._now()
        ca = certificates.Pair(stored, secret.data.get(CA_KEY, ""))
        if not certificates.is_pair(ca) or certificates.is_due(stored, now):
            logger.info("making a new CA%s", "; the one before stays trusted until it expires" if stored else "")
            ca = certificates.authority(now)
        authorities = certificates.joined(ca.certificate, stored, now)
        if authorities != stored:
            await secrets.write(self._api, self._places.namespace, secret, {CA: authorities, CA_KEY: ca.key})
        return ca, authorities

    async def _serving(self, name: str, names: tuple[str, ...], ca: certificates.Pair, authorities: str) -> None:
        secret = await secrets.read(self._api, self._places.namespace, name)
        pair = certificates.Pair(secret.data.get(CERTIFICATE, ""), secret.data.get(KEY, ""))
        data = {}
        if (
            not certificates.is_pair(pair)
            or certificates.is_due(pair.certificate, self._now())
            or not certificates.fits(pair.certificate, ca.certificate, names)
        ):
            logger.info("making a new certificate for %s in Secret %s", names[0], name)
            pair = certificates.issue(ca, names, self._now())
            data = {CERTIFICATE: pair.certificate, KEY: pair.key}
        if data or secret.data.get(CA) != authorities:
            await secrets.write(self._api, self._places.namespace, secret, {**data, CA: authorities})

    async def _tell_webhook(self, authorities: str) -> bool:
        if not self._places.webhook:
            return True
        try:
            if authorities and await secrets.trust_webhook(self._api, self._places.webhook, authorities):
                logger.info("told the API server the CA of the admission webhook")
            return bool(authorities)
        except errors.NotFound:
            # Certificates are made all the same: sensors wait for theirs.
            self._complain(errors.NotFound(404, f"there is no ValidatingWebhookConfiguration {self._places.webhook}"))
            return False

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complained:
            self._complained = str(error)
            hint = "; the chart makes the Secrets" if isinstance(error, errors.NotFound) else ""
            logger.warning("certificates: %s%s", error, hint)

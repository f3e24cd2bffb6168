"""The webhook as the sensor's outputs see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from falcon_sensor import alerts
from falcon_sensor.outputs import backoff, base, transport
from falcon_sensor.outputs.webhook import buffer, courier, memory, refused, requests, segments, spool
from falcon_sensor.settings import receivers


class Unusable(Exception):
    """The text says which setting and why."""


class Webhook:
    """Checks all settings and opens the spool at once, so that what cannot work is an error at the start (Unusable).

    A receiver that is not there is none: it may come later. render: an alert as one line of JSON.
    """

    def __init__(
        self,
        settings: receivers.HttpOutput,
        render: Callable[[alerts.Alert], bytes],
        tell: base.Tell = base.say,
    ) -> None:
        to = _address(settings)
        self.name = f"webhook {to.shown}"
        self._render = render
        trust = _trust(settings) if to.base.startswith("https:") else None
        _check_headers(settings)
        _warn(settings, to, lambda text: tell(f"{self.name}: {text}"))
        self._buffer = _buffer(settings.spool)
        directory = settings.spool.directory
        self._courier = courier.Courier(
            self.name,
            self._buffer,
            requests.Poster(settings, to, trust),
            backoff.Backoff(settings.retry.initial_seconds, settings.retry.max_seconds),
            most=settings.batch.max_alerts,
            linger=settings.batch.max_wait_ms / 1000 if settings.batch.max_alerts > 1 else 0.0,
            refused=refused.Refused(directory, settings.spool.refused_bytes) if directory is not None else None,
            tell=tell,
        )
        if before := self._buffer.waiting.alerts:
            tell(f"{self.name}: {before} alerts from before wait in {directory}; they go first")
        self._courier.start()

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        self._buffer.append([self._render(alert).rstrip(b"\n") for alert in batch])

    def reopen(self) -> None:
        self._courier.reconnect()

    def close(self) -> None:
        self._courier.finish()
        self._buffer.close()

    def measures(self) -> Mapping[str, int]:
        """Sums since the start, and what waits now (`waiting`, `spooled_bytes`)."""
        counters, losses, waiting = self._courier.counters, self._buffer.losses, self._buffer.waiting
        return {
            "sent": counters.sent,
            "requests": counters.requests,
            "retries": counters.retries,
            "refused": counters.refused,
            "lost_too_many": losses.too_many,
            "lost_too_old": losses.too_old,
            "lost_damaged": losses.damaged,
            "waiting": waiting.alerts,
            "spooled_bytes": waiting.size,
        }


def _address(settings: receivers.HttpOutput) -> requests.Address:
    try:
        return requests.address(settings.url)
    except ValueError as error:
        raise Unusable(f"http_output.url: {error}") from None


def _trust(settings: receivers.HttpOutput) -> transport.FileTrust:
    authorities = tuple(filter(None, (settings.ca_cert, settings.ca_bundle, settings.ca_path)))
    certificate, key = (settings.client_cert, settings.client_key) if settings.mtls else (None, None)
    trust = transport.FileTrust(authorities, certificate, key, verify=not settings.insecure_skip_verify)
    try:
        trust.context()
    except OSError as error:
        raise Unusable(f"http_output: TLS cannot be set up: {error.strerror or error}") from None
    return trust


def _check_headers(settings: receivers.HttpOutput) -> None:
    for name, value in {**settings.headers, "User-Agent": settings.user_agent}.items():
        token = name and all(c.isascii() and (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in name)
        if not token or not value.isascii() or any(c < " " for c in value):
            raise Unusable(f"http_output.headers: {name!r} is no header that can be sent (ASCII, one line)")


def _warn(settings: receivers.HttpOutput, to: requests.Address, tell: base.Tell) -> None:
    if to.base.startswith("https:"):
        if settings.insecure_skip_verify:
            tell(
                "WARNING: insecure_skip_verify is on: ANYBODY on the way can pose as the receiver, read every alert, "
                "drop it, and take the credentials; use ca_cert for a private authority"
            )
        return
    host = to.base.removeprefix("http://").rpartition(":")[0] or to.base.removeprefix("http://")
    secret = settings.bearer_token or settings.bearer_token_file or settings.basic_auth.username or to.user
    if secret and host not in ("localhost", "127.0.0.1", "[::1]"):
        tell("WARNING: credentials are sent unencrypted, as the URL is http")


def _buffer(settings: receivers.WebhookSpool) -> buffer.Buffer:
    if settings.directory is None:
        return memory.Memory(settings.max_age_seconds)
    bounds = buffer.Bounds(settings.max_bytes, settings.max_age_seconds)
    try:
        return spool.Spool(settings.directory, bounds, fsync=settings.fsync)
    except segments.InUse:
        raise Unusable(f"http_output.spool.directory: another sensor uses {settings.directory}") from None
    except OSError as error:
        raise Unusable(f"http_output.spool.directory: cannot use {settings.directory}: {error.strerror}") from None

"""Syslog as the sensor's outputs see it: `write` returns when the receiver's kernel has everything.

An alert that may not have arrived when a connection breaks is sent again over the next one. Over UDP
and local datagrams only a receiver that is not there at all can be noticed.
"""

from __future__ import annotations

import collections
import errno
import re
import select
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from falcon_sensor import alerts
from falcon_sensor.outputs import backoff, base, patience, render, unconfirmed
from falcon_sensor.outputs.syslog import address, links, messages
from falcon_sensor.settings import feeds

if TYPE_CHECKING:
    from falcon_sensor.outputs import transport

_POLL_SECONDS: Final = (0.0002, 0.02)
"""Between looks at whether everything has been taken: doubling, as a loopback answers in 0.1 ms, a continent in 100."""
_AHEAD_BYTES: Final = 1 << 20
"""Sent and not known to have arrived: no more than this has to be kept."""
_LONGEST_DATAGRAM: Final = 60_000
"""Bytes, below UDP's 65,507."""
# RFC 5424's SD-NAME with RFC 5612's number behind it.
_DATA_ID = re.compile(r"[!#-<>-?A-\\^-~]{1,26}@[0-9][0-9.]{0,4}")


class Unusable(Exception):
    """The text says which setting and why."""


class Syslog:
    """Checks all settings at once (Unusable). A receiver that is not there may come later. line: an alert's line, as
    `json_output`, which is `as_json`, says."""

    def __init__(
        self, settings: feeds.SyslogOutput, line: render.Render, *, as_json: bool, tell: base.Tell = base.say
    ) -> None:
        try:
            self._to = address.read(settings.address)
        except ValueError as error:
            raise Unusable(f"syslog_output.address: {error}") from None
        if not _DATA_ID.fullmatch(settings.structured_data_id):
            raise Unusable(
                f"syslog_output.structured_data_id: {settings.structured_data_id!r} is not name@number, "
                "such as falcon@32473"
            )
        self.name = f"syslog {settings.address}"
        self.passed = 0
        self._settings = settings
        self._trust = _trust(settings, self.name, tell) if self._to.kind == "tls" else None
        local = settings.format == "local" or (settings.format == "auto" and self._to.kind == "unix")
        longest = _LONGEST_DATAGRAM if self._to.kind in ("unix", "udp") else settings.max_message_bytes
        longest = min(longest, settings.max_message_bytes)
        self._messages = messages.Messages(settings, line, longest, local=local, as_json=as_json)
        pauses = backoff.Backoff(settings.retry.initial_seconds, settings.retry.max_seconds)
        self._patience = patience.Patience(self.name, pauses, tell)
        self._link: links.Link | None = None
        self._unconfirmed = unconfirmed.Unconfirmed()
        self._outbox: collections.deque[bytes] = collections.deque()
        self._too_long = 0

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        for number, alert in enumerate(batch, 1):
            self._outbox.append(self._messages.message(alert))
            self._insist(last=number == len(batch))
            self.passed = number - len(self._unconfirmed)

    def reopen(self) -> None:
        """With certificates as they are then."""
        self._disconnect()

    def close(self) -> None:
        self._disconnect()

    def measures(self) -> Mapping[str, int]:
        """Sums since the start."""
        return {"retries": self._patience.failures, "cut": self._messages.cut, "refused": self._too_long}

    def _insist(self, *, last: bool) -> None:
        """Sends what is in the outbox, however often that must be tried. last: and waits until it has arrived."""
        while True:
            try:
                link = self._linked()
                while self._outbox:
                    self._send(link, self._outbox[0])
                    self._outbox.popleft()
                if last or self._unconfirmed.size > _AHEAD_BYTES:
                    self._wait(link)
            except OSError as error:
                self._disconnect()
                self._patience.failed(_reason(error))
            else:
                self._patience.works()
                return

    def _linked(self) -> links.Link:
        if self._link is not None:
            self._link.check()
        else:
            context = self._trust.context() if self._trust is not None else None
            settings = self._settings
            self._link = links.connect(self._to, context, settings.connect_timeout_seconds, settings.timeout_seconds)
        return self._link

    def _send(self, link: links.Link, message: bytes) -> None:
        try:
            self._unconfirmed.add(message, link.send(message))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self._too_long += 1  # however often it is tried
        if link.sure:
            self._unconfirmed.settle(0)

    def _wait(self, link: links.Link) -> None:
        """Until the other side has everything."""
        pause, longest = _POLL_SECONDS
        deadline = time.monotonic() + self._settings.timeout_seconds
        while True:
            link.check()
            before = len(self._unconfirmed)
            self._unconfirmed.settle(link.unread())
            if not self._unconfirmed:
                return
            now = time.monotonic()
            if len(self._unconfirmed) < before:
                deadline = now + self._settings.timeout_seconds
            elif now >= deadline:
                raise TimeoutError("it takes nothing any more")
            select.select([link], [], [], pause)
            pause = min(longest, pause * 2)

    def _disconnect(self) -> None:
        self._outbox.extendleft(reversed(self._unconfirmed.take()))
        if self._link is not None:
            self._link.close()
            self._link = None


def _reason(error: OSError) -> str:
    verify = getattr(error, "verify_message", None)
    if verify is not None:
        return f"its certificate cannot be verified: {verify}"
    if isinstance(error, TimeoutError):
        return "it takes nothing any more, or does not answer"
    return str(error.strerror or error)


def _trust(settings: feeds.SyslogOutput, name: str, tell: base.Tell) -> transport.FileTrust:
    # TLS costs 8 MB and 60 ms to import.
    from falcon_sensor.outputs import transport

    authorities = (settings.ca_cert,) if settings.ca_cert is not None else ()
    certificate, key = (settings.client_cert, settings.client_key) if settings.mtls else (None, None)
    trust = transport.FileTrust(authorities, certificate, key, verify=not settings.insecure_skip_verify)
    try:
        trust.context()
    except OSError as error:
        raise Unusable(f"syslog_output: TLS cannot be set up: {error.strerror or error}") from None
    if settings.insecure_skip_verify:
        tell(
            f"{name}: WARNING: insecure_skip_verify is on: ANYBODY on the way can pose as the receiver, read every "
            "alert and drop it; use ca_cert for a private authority"
        )
    return trust

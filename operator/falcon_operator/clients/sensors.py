"""HTTPS to the sensors: a bundle there, a report back. Implements `reconcile.rollout.Sensors`.

Trust goes both ways. The sensor must show a certificate of our CA for the name all sensors share,
whatever address its pod has; we show a projected token that the sensor has reviewed. The token's
file is read for every request, because the kubelet replaces it well before it expires.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import prometheus_client

from falcon_operator.reconcile.reports import Failure, PushError, Report, RuleError

_STATUS_TIMEOUT: Final = 10.0
"""Seconds for `GET /v1/status`: the sensor answers from memory."""
_CONNECT_TIMEOUT: Final = 5.0
"""Seconds until a node counts as out of reach: pods' networks answer within milliseconds or not at all."""
_MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""An error for each of thousands of rules is less; a sensor somebody took over must not fill our memory."""

PUSHES: Final = prometheus_client.Counter(
    "falcon_operator_pushes_total", "Bundles sent to sensors, by what became of them.", ["result"]
)
PUSH_SECONDS: Final = prometheus_client.Histogram(
    "falcon_operator_push_seconds",
    "Time from sending a bundle until its rules were in force on the sensor.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64),
)

_FAILURES: Final = {
    400: Failure.REFUSED,
    401: Failure.UNAUTHORIZED,
    403: Failure.UNAUTHORIZED,
    409: Failure.OUTDATED_REVISION,
    413: Failure.REFUSED,
    426: Failure.UNSUPPORTED_FORMAT,
    505: Failure.UNSUPPORTED_FORMAT,
}


class Sensors:
    """All sensors, by the names of their nodes. Used by one event loop; close it when done."""

    def __init__(self, port: int, server_name: str, token_file: Path, push_timeout: float) -> None:
        self._port = port
        self._server_name = server_name
        self._token_file = token_file
        self._push_timeout = push_timeout
        self._addresses: dict[str, tuple[str, int]] = {}
        self._trust: ssl.SSLContext | None = None
        self._trusted = ""
        self._session: aiohttp.ClientSession | None = None

    def trust(self, authorities: str) -> None:
        """From now on sensors' certificates must come from one of these CAs (PEM). Raises ssl.SSLError."""
        if authorities != self._trusted:
            context = ssl.create_default_context(cadata=authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._trust, self._trusted = context, authorities

    def locate(self, node: str, address: str | None, port: int | None = None) -> bool:
        """Where the node's sensor listens, None for nowhere. Whether that is news."""
        before = self._addresses.get(node)
        if address is None:
            self._addresses.pop(node, None)
            return before is not None
        self._addresses[node] = (address, port or self._port)
        return self._addresses[node] != before

    async def push(self, node: str, bundle_bytes: bytes, digest: str) -> Report:
        """Sends a packed bundle; returns when it is in force there. Raises PushError."""
        started = time.monotonic()
        headers = {"Falcon-Bundle-Digest": digest, "Content-Type": "application/gzip"}
        try:
            report = _report(await self._request("PUT", node, "/v1/bundle", self._push_timeout, headers, bundle_bytes))
        except PushError as error:
            PUSHES.labels(str(error.failure)).inc()
            raise
        PUSHES.labels("Loaded").inc()
        PUSH_SECONDS.observe(time.monotonic() - started)
        return report

    async def ask(self, node: str) -> Report:
        """What the sensor has in force. Raises PushError."""
        return _report(await self._request("GET", node, "/v1/status", _STATUS_TIMEOUT))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self,
        method: str,
        node: str,
        path: str,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> dict[str, Any]:
        url, trust = self._way(node, path)
        authorization = {"Authorization": f"Bearer {self._token()}"}
        try:
            async with self._pool().request(
                method,
                url,
                data=data,
                headers={**authorization, **(headers or {})},
                ssl=trust,
                server_hostname=self._server_name,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_TIMEOUT),
                allow_redirects=False,
            ) as response:
                answer, status = _json(await _bounded(response)), response.status
        except TimeoutError:
            raise PushError(Failure.UNREACHABLE, f"no answer from {url} within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise PushError(Failure.UNREACHABLE, f"{url}: {error or type(error).__name__}") from None
        if status != 200:
            raise _refusal(status, answer)
        return answer

    def _way(self, node: str, path: str) -> tuple[str, ssl.SSLContext]:
        if (found := self._addresses.get(node)) is None:
            raise PushError(Failure.UNREACHABLE, "the sensor's pod has no address")
        if self._trust is None:
            raise PushError(Failure.UNREACHABLE, "there is no CA yet to know the sensor by")
        address, port = found
        host = f"[{address}]" if _is_ipv6(address) else address
        return f"https://{host}:{port}{path}", self._trust

    def _token(self) -> str:
        try:
            return self._token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise PushError(Failure.UNAUTHORIZED, f"cannot read the token to show to sensors: {error}") from None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            # rollout limits what runs at once; connections idle for a minute are those of the next poll.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._session


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        data += chunk
        if len(data) > _MOST_ANSWER_BYTES:
            raise PushError(Failure.UNREACHABLE, f"the sensor's answer is larger than {_MOST_ANSWER_BYTES} bytes")
    return bytes(data)


def _refusal(status: int, answer: Mapping[str, Any]) -> PushError:
    failure = _FAILURES.get(status, Failure.UNREACHABLE)
    said = str(answer.get("error") or answer.get("message") or "it gave no reason")[:500]
    revision = answer.get("revision")
    return PushError(failure, f"HTTP {status}: {said}", revision if isinstance(revision, int) else None)


def _report(answer: Mapping[str, Any]) -> Report:
    try:
        return Report(
            digest=str(answer.get("digest") or ""),
            revision=int(answer.get("revision") or 0),
            rule_errors=tuple(
                RuleError(str(each["uid"]), str(each.get("reason", ""))) for each in answer.get("ruleErrors") or ()
            ),
            backend=str(answer.get("backend") or ""),
            kernel=str(answer.get("kernel") or ""),
            version=str(answer.get("version") or ""),
            drops=None if answer.get("drops") is None else int(answer["drops"]),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise PushError(Failure.UNREACHABLE, f"the sensor's answer makes no sense: {error!r}") from None


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        value = {"error": data[:300].decode("utf-8", "replace")}
    return value if isinstance(value, dict) else {}


def _is_ipv6(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 6
    except ValueError:
        return False

"""Asks the API server for Events, and says what its answer means for them.

Blocking, in the publisher's thread, and apart from `clients.kube`, which lives in the agent's event
loop: this process has none (see `pipeline.consumer`), and Events must not depend on the agent.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib import parse

from falcon_sensor.clients import connection
from falcon_sensor.outputs import backoff, transport
from falcon_sensor.outputs.kubernetes_events import ledger

MERGE_PATCH = "application/merge-patch+json"

_TIMEOUTS = transport.Timeouts(connect=5.0, total=15.0)

_NODE_NAMESPACES = ("default", "kube-system")
"""Where Events about Nodes are, in the order they are tried. The API documents `default`, but servers before 1.21 take
those with an eventTime in kube-system alone."""
_WRONG_NAMESPACE = "does not match event.namespace"


class Meaning(Enum):
    DONE = "done"
    EXISTS = "an attempt before had done it, its answer got lost"
    GONE = "the namespace is gone or going"
    VANISHED = "the Event is no more"
    REFUSED = "never"
    LATER = "the server cannot take anything now"
    FAILED = "the server failed at this one"


@dataclass(frozen=True, slots=True)
class Outcome:
    """why: for people. wait: seconds the server asks for."""

    meaning: Meaning
    why: str = ""
    wait: float | None = None


class Client:
    """find: how to reach the server; asked again when it cannot be reached, as its CA may be another by then.
    Raises connection.NoConnection as `find` does."""

    def __init__(self, find: Callable[[], connection.Connection]) -> None:
        self._find = find
        self._namespaces = list(_NODE_NAMESPACES)
        self._connect(find())

    def ask(self, job: ledger.Job) -> Outcome:
        while True:
            outcome = self._ask(job, job.namespace or self._namespaces[0])
            if job.namespace or outcome.meaning is not Meaning.REFUSED or _WRONG_NAMESPACE not in outcome.why:
                return outcome
            if len(self._namespaces) == 1:
                return outcome
            self._namespaces.pop(0)

    def close(self) -> None:
        self._client.close()

    def _ask(self, job: ledger.Job, namespace: str) -> Outcome:
        path = f"{self._prefix}/apis/events.k8s.io/v1/namespaces/{parse.quote(namespace, safe='')}/events"
        if job.create:
            body = {**job.body, "metadata": {**job.body["metadata"], "namespace": namespace}}
            method, content = "POST", "application/json"
        else:
            body, path = job.body, f"{path}/{parse.quote(job.name, safe='')}"
            method, content = "PATCH", MERGE_PATCH
        headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": "falcon-sensor"}
        try:
            if self._token is not None:
                headers["Authorization"] = f"Bearer {self._token.get()}"
            answer = self._client.exchange(method, path, headers, json.dumps(body).encode())
        except transport.Unreachable as error:
            self._again()
            return Outcome(Meaning.LATER, str(error))
        except connection.NoConnection as error:
            return Outcome(Meaning.LATER, str(error))
        return self._outcome(job, answer)

    def _outcome(self, job: ledger.Job, answer: transport.Answer) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            return Outcome(Meaning.DONE)
        said = _status(answer.body)
        why = f"HTTP {status}: {said.get('message') or 'no reason given'}"[:500]
        wait = backoff.retry_after(answer.headers.get("retry-after"))
        if status == 401:
            if self._token is not None:
                self._token.refused()
            return Outcome(Meaning.LATER, why)
        if status == 409 and job.create and said.get("reason") == "AlreadyExists":
            return Outcome(Meaning.EXISTS)
        if status == 404:
            return _not_found(job, said, why)
        if status == 403 and _terminating(said):
            return Outcome(Meaning.GONE, why)
        if status in (429, 502, 503, 504):
            return Outcome(Meaning.LATER, why, wait)
        # An API server that has just started refuses everybody until it has read who may what.
        if status in (403, 408, 409) or status >= 500:
            return Outcome(Meaning.FAILED, why, wait)
        return Outcome(Meaning.REFUSED, why)

    def _again(self) -> None:
        self._client.close()
        # Without, what there was may work yet.
        with contextlib.suppress(connection.NoConnection):
            self._connect(self._find())

    def _connect(self, to: connection.Connection) -> None:
        parts = parse.urlsplit(to.server)
        self._prefix = parts.path.rstrip("/")
        self._token = to.token
        self._client = transport.Client(f"{parts.scheme}://{parts.netloc}", _Given(to.tls), _TIMEOUTS)


@dataclass(frozen=True, slots=True)
class _Given:
    tls: ssl.SSLContext

    def context(self) -> ssl.SSLContext:
        return self.tls


def _status(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _not_found(job: ledger.Job, said: dict[str, Any], why: str) -> Outcome:
    kind = (said.get("details") or {}).get("kind")
    if kind == "namespaces":
        return Outcome(Meaning.GONE, why)
    # Without a kind the API itself is unknown: a server older than 1.19.
    return Outcome(Meaning.VANISHED if kind and not job.create else Meaning.REFUSED, why)


def _terminating(said: dict[str, Any]) -> bool:
    causes = (said.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes if isinstance(cause, dict)) or (
        "because it is being terminated" in str(said.get("message"))
    )

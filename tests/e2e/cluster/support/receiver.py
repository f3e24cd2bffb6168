"""A webhook receiver in the cluster: keeps all alerts that every sensor ever sent, in one place.

Sensors may be killed and Events are for people; what has come here is what the tests count. The
webhook delivers at least once, with one uuid for each alert, so doubles by uuid are the network's
and doubles by content are ours.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until

NAME = "receiver"
NAMESPACE = "falcon-e2e-receiver"
PORT = 8080
URL = f"http://{NAME}.{NAMESPACE}.svc.cluster.local:{PORT}/alerts"

_PROGRAM = """
import http.server, json, threading
lines, lock = [], threading.Lock()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = json.loads(body)
        with lock:
            lines.extend(found if isinstance(found, list) else [found])
        self.answer(b"")

    def do_GET(self):
        with lock:
            self.answer(json.dumps(lines[int(self.path.rpartition("/")[2] or 0):]).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", %d), Handler).serve_forever()
"""

Alert = dict[str, Any]


class Receiver:
    """The receiver's pod and Service in a namespace of their own. image: one with a Python in it."""

    def __init__(self, kubectl: Kubectl, image: str) -> None:
        self._kubectl = kubectl
        self._image = image
        self._alerts: dict[str, Alert] = {}
        self._read = 0

    def start(self, node: str) -> None:
        pod = bodies.pod(NAME, NAMESPACE, node, image=self._image)
        container = pod["spec"]["containers"][0]
        container["command"] = ["python3", "-c", _PROGRAM % PORT]
        service: Body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
        }
        self._kubectl.apply(bodies.namespace(NAMESPACE), pod, service)
        self._kubectl.run("wait", "-n", NAMESPACE, f"pod/{NAME}", "--for=condition=Ready", "--timeout=60s")

    def alerts(self, wanted: Callable[[Alert], bool] = lambda _: True) -> list[Alert]:
        """All alerts so far, each uuid once, in the order of their arrival."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}:{PORT}/proxy/{self._read}"
        new = json.loads(self._kubectl.run("get", "--raw", path))
        self._read += len(new)
        for alert in new:
            self._alerts.setdefault(alert["uuid"], alert)
        return [alert for alert in self._alerts.values() if wanted(alert)]

    def of(self, rule: str) -> list[Alert]:
        return self.alerts(lambda alert: alert["rule"] == rule)

    def about(self, argument: str, rule: str | None = None) -> list[Alert]:
        """Alerts whose text holds this word, of one rule or of all."""
        return self.alerts(lambda alert: argument in alert["output"] and rule in (None, alert["rule"]))

    def wait_about(self, argument: str, count: int = 1, rule: str | None = None, timeout: float = 60.0) -> list[Alert]:
        """Until at least so many have come; returns what there is then."""
        return until(
            f"{count} alerts about {argument} at the receiver",
            lambda: found if len(found := self.about(argument, rule)) >= count else None,
            timeout,
        )


class Tracer:
    """Knows when everything that happened before has been told.

    Alerts of one sensor come in the order of the events. So after the alert about something that
    was done last on a node, all earlier ones of that node are there.
    """

    def __init__(self, kubectl: Kubectl, receiver: Receiver, pods: Iterable[tuple[str, str]]) -> None:
        self._kubectl = kubectl
        self._receiver = receiver
        self._pods: Sequence[tuple[str, str]] = list(pods)

    @staticmethod
    def rule() -> Body:
        return bodies.rule("falcon-e2e-tracer", condition=bodies.started(bodies.SENTINEL), priority="DEBUG")

    def settle(self, timeout: float = 60.0) -> None:
        """pods: one of each node that matters, as (namespace, name)."""
        words = [f"{bodies.SENTINEL}-{uuid.uuid4().hex}" for _ in self._pods]
        for word, (namespace, pod) in zip(words, self._pods, strict=True):
            self._kubectl.run("exec", "-n", namespace, pod, "--", "true", word)
        for word in words:
            self._receiver.wait_about(word, timeout=timeout)

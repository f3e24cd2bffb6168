"""A look at an API server from outside of the sensor, by a kubeconfig."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from falcon_sensor.clients import connection


class Cluster:
    def __init__(self, kubeconfig: Path) -> None:
        self._to = connection.from_kubeconfig(kubeconfig)
        self._made: list[str] = []

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._to.token is not None:
            headers["Authorization"] = f"Bearer {self._to.token.get()}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._to.server + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30, context=self._to.tls) as response:
            return json.load(response)

    def namespace(self) -> str:
        """A new one, which ends with the test."""
        name = f"falcon-events-{uuid.uuid4().hex[:8]}"
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        self._made.append(name)
        return name

    def delete(self, namespace: str, *, finally_: bool = True) -> None:
        """finally_: also where no controller would finish it; else it stays, being terminated."""
        path = f"/api/v1/namespaces/{namespace}"
        with contextlib.suppress(urllib.error.HTTPError):
            self.ask("DELETE", path)
            if finally_:
                self.ask("PUT", f"{path}/finalize", {**self.ask("GET", path), "spec": {"finalizers": []}})

    def events(self, namespace: str) -> list[Any]:
        """Ours, oldest first."""
        found = self.ask("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
        ours = [each for each in found if each.get("reportingController") == "falcon.dev/sensor"]
        return sorted(ours, key=lambda each: str(each["eventTime"]))

    def until(self, namespace: str, reached: Callable[[list[Any]], bool], seconds: float = 30.0) -> list[Any]:
        """The Events once `reached` says so of them."""
        deadline = time.monotonic() + seconds
        while not reached(found := self.events(namespace)):
            shown = [(each.get("note"), each.get("series")) for each in found]  # an empty note is left out
            assert time.monotonic() < deadline, f"not reached within {seconds} s, there is {shown}"
            time.sleep(0.05)
        return found

    def close(self) -> None:
        for name in self._made:
            self.delete(name)

"""Service accounts of a real API server, and tokens of them: what TokenReview has to judge."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from falcon_sensor.clients import connection, kube


class Accounts:
    """A namespace of its own with the accounts `falcon-operator` and `other`; `remove` deletes it."""

    def __init__(self, kubeconfig: Path):
        self._kubeconfig = kubeconfig
        self.namespace = f"falcon-sensor-test-{uuid.uuid4().hex[:8]}"
        self._request("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for name in ("falcon-operator", "other"):
            self._request("POST", f"{self._path}/serviceaccounts", {"metadata": {"name": name}})

    def token(self, account: str = "falcon-operator", audiences: Sequence[str] = ("falcon-sensor",)) -> str:
        body = {"spec": {"audiences": list(audiences), "expirationSeconds": 600}}
        answer = self._request("POST", f"{self._path}/serviceaccounts/{account}/token", body)
        return str(answer["status"]["token"])

    def create_pod(self, name: str, node: str, **metadata: Any) -> str:
        """A pod that is bound to a node and run by nobody. Returns its UID."""
        body = {
            "metadata": {"name": name, **metadata},
            "spec": {
                "nodeName": node,
                "containers": [{"name": "main", "image": "debian:local"}],
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
            },
        }
        return str(self._request("POST", f"{self._path}/pods", body)["metadata"]["uid"])

    def create_secret(self, name: str) -> None:
        """An empty one, as the chart makes it."""
        self._request("POST", f"{self._path}/secrets", {"metadata": {"name": name}})

    def fill_secret(self, name: str, data: Mapping[str, bytes]) -> None:
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self._request("PUT", f"{self._path}/secrets/{name}", {"metadata": {"name": name}, "data": encoded})

    def delete(self, plural: str, name: str) -> None:
        self._request("DELETE", f"{self._path}/{plural}/{name}", {"gracePeriodSeconds": 0})

    def remove(self) -> None:
        self._request("DELETE", f"/api/v1/namespaces/{self.namespace}", {})

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}"

    def _request(self, method: str, path: str, body: kube.Object) -> kube.Object:
        async def send() -> kube.Object:
            async with kube.Api(connection.find(str(self._kubeconfig))) as api:
                return await api.request(method, path, body=body)

        return asyncio.run(send())

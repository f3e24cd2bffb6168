"""Pushes to a live sensor by whoever wants to: the tests' own HTTPS client and tokens of any account."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.cluster.support.kubectl import Kubectl
from tests.e2e.cluster.support.release import NAME, NAMESPACE

AUDIENCE = "falcon-sensor"
SERVER_NAME = "falcon-sensor"
API_PORT = 8765


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def forwarded(kubectl: Kubectl, pod: str, port: int = API_PORT) -> Iterator[int]:
    """A local port that leads to the pod's, by `kubectl port-forward`."""
    words = kubectl.command("port-forward", "-n", NAMESPACE, f"pod/{pod}", f":{port}", "--address=127.0.0.1")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"kubectl port-forward said: {line}"
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()


def authority(kubectl: Kubectl) -> str:
    """The CA that sensors' certificates are signed by, PEM."""
    data = kubectl.get("secret", f"{NAME}-tls", "-n", NAMESPACE)["data"]
    return base64.b64decode(data["ca.crt"]).decode()


def put(port: int, ca: str, body: bytes, digest: str, token: str | None) -> Answer:
    """PUT /v1/bundle, the server verified as the operator verifies it."""
    context = ssl.create_default_context(cadata=ca)
    raw = socket.create_connection(("127.0.0.1", port), timeout=60)
    with contextlib.closing(context.wrap_socket(raw, server_hostname=SERVER_NAME)) as secured:
        connection = http.client.HTTPConnection(SERVER_NAME)
        connection.sock = secured
        headers = {"Falcon-Bundle-Digest": digest, "Content-Type": "application/octet-stream"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request("PUT", "/v1/bundle", body, headers)
        response = connection.getresponse()
        text = response.read()
        return Answer(response.status, json.loads(text) if text.startswith(b"{") else {})


def token(
    kubectl: Kubectl,
    account: str = f"{NAME}-operator",
    *,
    namespace: str = NAMESPACE,
    audience: str = AUDIENCE,
    bound_to: dict[str, str] | None = None,
) -> str:
    """A fresh token as the API server makes them, by an administrator's right to ask for it."""
    spec: dict[str, Any] = {"audiences": [audience], "expirationSeconds": 600}
    if bound_to:
        spec["boundObjectRef"] = bound_to
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer = kubectl.run("create", "--raw", path, "-f", "-", given=json.dumps(request))
    return str(json.loads(answer)["status"]["token"])


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def signed(claims: dict[str, Any], key: bytes, header: dict[str, str]) -> str:
    """A token with these claims, signed as the API server would. key: PEM, RSA."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_encoded(signature)}"


def header(token: str) -> dict[str, str]:
    part = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

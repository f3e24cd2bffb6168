"""A client of the sensor's API, as the operator is one: verifies the name that all sensors share."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

SERVER = "falcon-sensor"


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class Client:
    """token: shown with each request unless the request brings another one (None: none at all)."""

    def __init__(self, port: int, trust: ssl.SSLContext, token: str | None):
        self.port, self.trust, self.token = port, trust, token

    def put(self, body: bytes, digest: str, **other: Any) -> Answer:
        return self.request("PUT", "/v1/bundle", body, {"Falcon-Bundle-Digest": digest}, **other)

    def status(self, **other: Any) -> Answer:
        return self.request("GET", "/v1/status", None, {}, **other)

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str], **other: Any) -> Answer:
        token = other.get("token", self.token)
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.sock = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()))
        finally:
            connection.close()

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return self.trust.wrap_socket(plain, server_hostname=SERVER)


def get(port: int, path: str) -> tuple[int, str]:
    """Plain HTTP: (status, text)."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metric(text: str, name: str, **labels: str) -> float:
    """The value of a sample; 0 when there is none."""
    wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
    return next((float(line.split()[-1]) for line in text.splitlines() if line.rpartition(" ")[0] == wanted), 0.0)

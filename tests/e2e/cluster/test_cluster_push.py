"""Who may give a sensor rules: the operator, with a token for nothing else, over TLS, and only newer ones."""

from __future__ import annotations

import os
import pathlib
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
from tests.e2e.cluster.support import push
from tests.e2e.cluster.support.kubectl import Kubectl, until
from tests.e2e.cluster.support.release import NAME, NAMESPACE, Release

from falcon_rules import bundle, wire

REFUSALS = "falcon_sensor_api_refusals_total"


@pytest.fixture(scope="module")
def sensor(falcon: Release) -> str:
    return falcon.sensors()[falcon.nodes()[0]]


@pytest.fixture(scope="module")
def port(kubectl: Kubectl, sensor: str) -> Iterator[int]:
    with push.forwarded(kubectl, sensor) as found:
        yield found


@pytest.fixture(scope="module")
def ca(kubectl: Kubectl, sensor: str) -> str:
    return push.authority(kubectl)


class Refusals:
    """That one refusal of a reason was counted, and that what was pushed is not in force: it has no rules.

    The revision may change meanwhile: rules of an earlier test's namespace go when the namespace does.
    """

    def __init__(self, falcon: Release, sensor: str, reason: str) -> None:
        self._look = lambda: falcon.metric(sensor, REFUSALS, reason=reason)
        self._rules = lambda: falcon.metric(sensor, "falcon_sensor_rules")

    def __enter__(self) -> None:
        self._before = self._look()
        assert self._rules() > 0

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            until("the refusal is counted", lambda: self._look() == self._before + 1)
            assert self._rules() > 0


def packed(revision: int) -> tuple[bytes, str]:
    """A bundle without rules: it would make the sensor blind."""
    data = wire.dumps(bundle.Bundle((), revision))
    return wire.pack(data), f"sha256:{wire.digest(data)}"


def newest() -> tuple[bytes, str]:
    return packed(time.time_ns() // 1_000_000 + 1_000_000)


def test_without_a_token(falcon: Release, sensor: str, port: int, ca: str):
    with Refusals(falcon, sensor, "no_token"):
        assert push.put(port, ca, *newest(), None).status == 401


def test_with_words_that_are_no_token(falcon: Release, sensor: str, port: int, ca: str):
    with Refusals(falcon, sensor, "invalid_token"):
        assert push.put(port, ca, *newest(), "let-me-in").status == 401


def test_with_a_forged_signature(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    head, claims, signature = push.token(kubectl).split(".")
    forged = ".".join((head, claims, signature[:-8] + signature[-8:][::-1].swapcase()))
    with Refusals(falcon, sensor, "invalid_token"):
        assert push.put(port, ca, *newest(), forged).status == 401


def test_with_the_operators_token_for_something_else(
    falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str
):
    token = push.token(kubectl, audience="https://kubernetes.default.svc")
    with Refusals(falcon, sensor, "wrong_audience"):
        assert push.put(port, ca, *newest(), token).status == 403


@pytest.mark.parametrize(("namespace", "account"), [(NAMESPACE, f"{NAME}-sensor"), ("default", "default")])
def test_with_another_accounts_token(
    falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str, namespace: str, account: str
):
    token = push.token(kubectl, account, namespace=namespace)
    with Refusals(falcon, sensor, "wrong_account"):
        assert push.put(port, ca, *newest(), token).status == 403


def test_with_a_token_whose_pod_is_gone(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    """The API server says so; the sensor cannot know by itself."""
    kubectl.run("create", "secret", "generic", "falcon-e2e-gone", "-n", NAMESPACE)
    bound = {"kind": "Secret", "apiVersion": "v1", "name": "falcon-e2e-gone"}
    token = push.token(kubectl, bound_to=bound)
    kubectl.delete("secret", "falcon-e2e-gone", "-n", NAMESPACE)
    with Refusals(falcon, sensor, "invalid_token"):
        # The API server may remember for some seconds that the secret was there.
        time.sleep(2)
        assert push.put(port, ca, *newest(), token).status == 401


def test_with_an_expired_token(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    key = os.environ.get("FALCON_E2E_ACCOUNTS_KEY")
    if not key:
        pytest.skip(
            "needs FALCON_E2E_ACCOUNTS_KEY: tokens live ten minutes at least, so an old one has to be signed here"
        )
    good = push.token(kubectl)
    now = int(time.time())
    claims = push.claims(good) | {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
    expired = push.signed(claims, pathlib.Path(key).read_bytes(), push.header(good))
    with Refusals(falcon, sensor, "expired_token"):
        assert push.put(port, ca, *newest(), expired).status == 401


def test_over_plain_http(falcon: Release, sensor: str, port: int):
    with Refusals(falcon, sensor, "plain_http"), socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(b"PUT /v1/bundle HTTP/1.1\r\nHost: falcon-sensor\r\nContent-Length: 0\r\n\r\n")
        answer = b"".join(iter(lambda: plain.recv(4096), b""))
        assert b" 200 " not in answer


def test_over_an_old_version_of_tls(port: int, ca: str):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw).close()


def test_the_certificate_is_from_falcons_own_authority(port: int):
    """Nobody else can pass for a sensor: the system's authorities know nothing of it."""
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(raw, server_hostname=push.SERVER_NAME)


def test_an_older_bundle_again(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    """Even with the operator's own token: whoever has recorded an old bundle cannot bring it back."""
    force = int(falcon.metric(sensor, "falcon_sensor_bundle_revision"))
    with Refusals(falcon, sensor, "outdated"):
        answer = push.put(port, ca, *packed(force - 1), push.token(kubectl))
        assert answer.status == 409
        assert answer.body["revision"] >= force


def test_a_body_that_is_no_bundle(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    with Refusals(falcon, sensor, "malformed"):
        assert push.put(port, ca, b"not gzip", "sha256:00", push.token(kubectl)).status == 400


def test_a_digest_that_is_anothers(falcon: Release, kubectl: Kubectl, sensor: str, port: int, ca: str):
    body, _ = newest()
    with Refusals(falcon, sensor, "wrong_digest"):
        assert push.put(port, ca, body, "sha256:" + "0" * 64, push.token(kubectl)).status == 400


def test_the_health_port_takes_no_rules(falcon: Release, kubectl: Kubectl, sensor: str):
    with push.forwarded(kubectl, sensor, 8766) as health, socket.create_connection(("127.0.0.1", health)) as plain:
        plain.settimeout(30)
        plain.sendall(b"PUT /v1/bundle HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert b" 404 " in plain.recv(4096).partition(b"\r\n")[0] + b" "

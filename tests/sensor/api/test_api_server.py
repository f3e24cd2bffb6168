"""The HTTPS API and plain HTTP as they are on the wire: real sockets and TLS; sensor and API server are stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from typing import Any

import pytest
from aiohttp import web
from tests.sensor.cluster.support import https, keys, waiting

from falcon_rules import bundle, wire
from falcon_sensor.api import bundles, certificate, health, listener, server, tokens
from falcon_sensor.api.refusals import Reason, Refusals
from falcon_sensor.clients import kube

ACCOUNT = "system:serviceaccount:falcon:falcon-operator"
GOOD = "the-operators-token"
MOST = 256 * 1024
ABOUT = server.About("node1", "1.2.3", "6.1")


class Sensor:
    """Stands in for the sensor: everything is in force at once."""

    def __init__(self):
        self.in_force = bundles.InForce()
        self.found: health.Health | None = health.Health(
            attached=True, backend="C", consuming=True, last_event=12.5, drops={"exec": 2}, left_out=1
        )

    async def load(self, packed, digest):
        revision = wire.loads(wire.unpack(packed)).revision
        self.in_force = bundles.InForce(digest, revision, (("team/r", "no such field"),))
        return self.in_force

    async def health(self):
        if self.found is None:
            raise TimeoutError
        return json.loads(json.dumps(self.found.plain()))


class Reviewer:
    """Stands in for the API server."""

    async def review_token(self, token, audiences):
        return kube.Review(token == GOOD, ACCOUNT, tuple(audiences))


class Served:
    def __init__(self, directory, authority):
        self.directory, self.authority = directory, authority
        self.sensor, self.refusals = Sensor(), Refusals()
        self.told: list[str] = []

    async def __aenter__(self):
        trusting: list[Any] = []
        reviewing = tokens.Tokens(Reviewer(), ACCOUNT, "falcon-sensor")
        private = server.private(
            ABOUT, self.sensor, reviewing, self.refusals, MOST, lambda transport: trusting[0](transport)
        )
        self._runners = [web.AppRunner(private, access_log=None)]
        await self._runners[0].setup()
        assert self._runners[0].server is not None
        certificates = certificate.Certificate(self.directory, self.told.append)
        self.listener = listener.Listener(self._runners[0].server, certificates, self.refusals)
        trusting.append(self.listener.trust)
        self.port, self.health_port = _free_port(), _free_port()
        self._task = asyncio.create_task(self.listener.serve("127.0.0.1", self.port))
        public = server.public(ABOUT, self.sensor, self.refusals, dict, lambda: 4096, lambda: self.listener.listening)
        self._runners.append(web.AppRunner(public, access_log=None))
        await self._runners[1].setup()
        await web.TCPSite(self._runners[1], "127.0.0.1", self.health_port).start()
        self.client = https.Client(self.port, self.authority.client(), GOOD)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        for runner in self._runners:
            await runner.cleanup()

    async def listening(self):
        await waiting.until(lambda: self.listener.listening)
        return self

    async def put(self, body, digest, **other):
        return await asyncio.to_thread(self.client.put, body, digest, **other)

    async def status(self, **other):
        return await asyncio.to_thread(self.client.status, **other)

    async def get(self, path):
        return await asyncio.to_thread(https.get, self.health_port, path)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def pushed(revision: int) -> tuple[bytes, str]:
    data = wire.dumps(bundle.Bundle((), revision))
    return wire.pack(data), f"sha256:{wire.digest(data)}"


@pytest.fixture
def authority():
    return keys.Authority()


@pytest.fixture
async def served(tmp_path, authority):
    authority.issue(tmp_path)
    async with Served(tmp_path, authority) as running:
        yield await running.listening()


async def test_a_push_is_answered_with_what_is_in_force(served):
    body, digest = pushed(7)
    answer = await served.put(body, digest)
    assert answer.status == 200
    assert (
        answer.body.items()
        >= {
            "digest": digest,
            "revision": 7,
            "loaded": True,
            "ruleErrors": [{"uid": "team/r", "reason": "no such field"}],
        }.items()
    )


async def test_the_status(served):
    await served.put(*pushed(7))
    answer = await served.status()
    assert answer.status == 200
    assert answer.body == {
        "node": "node1",
        "digest": pushed(7)[1],
        "revision": 7,
        "backend": "C",
        "kernel": "6.1",
        "version": "1.2.3",
        "drops": 3,
        "lastEventTime": 12.5,
        "ruleErrors": [{"uid": "team/r", "reason": "no such field"}],
    }


async def test_a_status_is_given_even_while_the_sensor_does_not_answer(served):
    served.sensor.found = None
    answer = await served.status()
    assert (answer.status, answer.body["drops"], answer.body["node"]) == (200, None, "node1")


@pytest.mark.parametrize(("token", "reason"), [(None, Reason.NO_TOKEN), ("other", Reason.INVALID_TOKEN)])
async def test_strangers_are_refused_whatever_they_ask_for(served, token, reason):
    answers = [await served.put(*pushed(1), token=token), await served.status(token=token)]
    assert [(answer.status, answer.body["reason"]) for answer in answers] == [(401, reason)] * 2
    assert served.refusals == {reason: 2}
    assert served.sensor.in_force.digest == ""


async def test_a_replayed_older_bundle_is_refused_with_the_revision_in_force(served):
    await served.put(*pushed(7))
    answer = await served.put(*pushed(6))
    assert (answer.status, answer.body["revision"], answer.body["reason"]) == (409, 7, "outdated")
    assert served.refusals == {Reason.OUTDATED: 1}


async def test_a_body_that_is_too_large_is_refused(served):
    answer = await served.put(b"x" * (MOST + 1), "sha256:x")
    assert (answer.status, answer.body["reason"]) == (413, "too_large")
    assert served.refusals == {Reason.TOO_LARGE: 1}


async def test_other_paths_and_methods_are_refused_in_the_same_shape(served):
    async def ask(method, path):
        return (await asyncio.to_thread(served.client.request, method, path, None, {})).status

    assert [await ask("GET", "/"), await ask("DELETE", "/v1/bundle"), await ask("POST", "/v1/status")] == [
        404,
        405,
        405,
    ]
    assert served.refusals == {Reason.NOT_FOUND: 3}


async def test_plain_http_is_refused_and_counted(served):
    def attempt():
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as plain:
            plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + GOOD.encode() + b"\r\n\r\n")
            return plain.recv(1000)

    assert b"HTTP/1.1 200" not in await asyncio.to_thread(attempt)
    await waiting.until(lambda: served.refusals)
    assert served.refusals == {Reason.PLAIN_HTTP: 1}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_below_1_2_is_refused_and_counted(served):
    old = ssl.create_default_context(cadata=served.authority.pem)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    served.client.trust = old
    with pytest.raises(OSError):
        await served.status()
    await waiting.until(lambda: served.refusals)
    assert served.refusals == {Reason.TLS: 1}


async def test_a_renewed_certificate_serves_new_connections_and_rubbish_does_not(served, monkeypatch):
    monkeypatch.setattr(certificate, "LOOK_SECONDS", 0.0)

    def serial():
        with served.client.connect() as connection:
            return int(connection.getpeercert()["serialNumber"], 16)

    before = await asyncio.to_thread(serial)
    renewed = served.authority.issue(served.directory)
    assert await asyncio.to_thread(serial) == renewed != before
    (served.directory / "..data" / "tls.crt").write_text("rubbish")
    assert await asyncio.to_thread(serial) == renewed


async def test_it_waits_for_its_certificate(tmp_path, authority, monkeypatch):
    monkeypatch.setattr(certificate, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(listener, "_WAIT_SECONDS", 0.01)
    async with Served(tmp_path / "tls", authority) as served:
        with pytest.raises(ConnectionRefusedError):
            await served.status()
        served.sensor.in_force = bundles.InForce("sha256:00", 1)
        status, reason = await served.get("/readyz")
        assert (status, "certificate" in reason) == (503, True)
        authority.issue(tmp_path / "tls")
        await served.listening()
        assert (await served.status()).status == 200
        assert (await served.get("/readyz"))[0] == 200


async def test_a_connection_that_shows_no_token_is_closed(served, monkeypatch):
    monkeypatch.setattr(listener, "STRANGER_SECONDS", 0.1)

    def wait() -> bytes:
        with served.client.connect() as connection:
            return bytes(connection.recv(100))

    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert await asyncio.to_thread(wait) == b""


async def test_probes(served):
    assert (await served.get("/livez"))[0] == 200
    assert await served.get("/readyz") == (503, "no bundle is in force yet\n")
    await served.put(*pushed(7))
    assert (await served.get("/readyz"))[0] == 200
    served.sensor.found = None
    assert [(await served.get(path))[0] for path in ("/livez", "/readyz", "/metrics")] == [503] * 3


@pytest.mark.parametrize("found", [{"consuming": False}, {"consuming": True, "idle": 1000.0}])
async def test_a_sensor_that_hangs_is_not_alive(served, found):
    served.sensor.found = health.Health(**found)
    assert (await served.get("/livez"))[0] == 503


async def test_metrics(served):
    served.sensor.found = health.Health(
        alerts=(("Shell", "Notice", 3),),
        matches={"Shell": 5, 'odd "name"\n': 1},
        suppressed={"Shell": 2},
        rule_seconds={"Shell": 0.25},
        attached=True,
        blind="nothing comes back",
        troubles=("blind",),
        hooks={"sys_exit": (7, 0.5)},
        records={"exec": 9},
        drops={"exec": 1},
        ring_used=10,
        outputs=(health.Output("stdout", 1, 2, 3), health.Output("webhook", 0, 0, 0, {"sent": 6, "waiting": 7})),
        processes=44,
        rss=1 << 20,
    )
    await served.status(token=None)
    await served.put(*pushed(7))
    status, text = await served.get("/metrics")
    assert status == 200
    expected = {
        'rule_alerts_total{priority="Notice",rule="Shell"}': 3,
        'rule_matches_total{rule="Shell"}': 5,
        'rule_matches_total{rule="odd \\"name\\"\\n"}': 1,
        'rule_suppressed_alerts_total{rule="Shell"}': 2,
        'rule_cpu_seconds_total{rule="Shell"}': 0.25,
        'records_total{kind="exec"}': 9,
        'dropped_records_total{kind="exec"}': 1,
        "ring_used_bytes": 10,
        'output_queue_alerts{output="stdout"}': 1,
        'output_lost_alerts_total{output="stdout"}': 3,
        'output_sent_total{output="webhook"}': 6,
        'output_waiting{output="webhook"}': 7,
        'api_refusals_total{reason="no_token"}': 1,
        f'bundle_info{{digest="{pushed(7)[1]}"}}': 1,
        "bundle_revision": 7,
        "failed_rules": 1,
        "blind": 1,
        'trouble{trouble="blind"}': 1,
        'hook_runs_total{hook="sys_exit"}': 7,
        'hook_seconds_total{hook="sys_exit"}': 0.5,
        "processes": 44,
        'resident_memory_bytes{process="sensor"}': 1 << 20,
    }
    lines = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    found = {name: lines.get(f"falcon_{name}", lines.get(f"falcon_sensor_{name}")) for name in expected}
    assert found == expected


async def test_a_sensor_that_does_not_see_is_not_ready(served):
    await served.listening()
    await served.put(*pushed(7))
    served.sensor.found = health.Health(attached=True, consuming=True, blind="its own act did not come back")
    assert await served.get("/readyz") == (503, "the sensor does not see: its own act did not come back\n")
    assert (await served.get("/livez"))[0] == 200

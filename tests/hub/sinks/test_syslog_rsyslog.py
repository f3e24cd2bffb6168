"""Syslog's sink against rsyslogd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.hub.sinks import support
from tests.sensor.outputs.support import certificates, rsyslog

from falcon_hub.sinks import base, registry

pytestmark = rsyslog.needed


async def _send(server: rsyslog.Rsyslog, count: int = 3, **given: object) -> base.Outcome:
    """Again until it has started."""
    chosen = support.wanted("syslog", **given)
    sink = registry.make(chosen)
    try:
        while True:
            batch = [support.message(sink, chosen, support.alert(number)) for number in range(count)]
            outcome = await sink.send(batch)
            if outcome.failure is None:
                return outcome
    finally:
        await sink.close()


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
async def test_messages_arrive_in_order(tmp_path: Path, protocol: str) -> None:
    port = support.free_port()
    given: dict[str, object] = {"host": "localhost", "port": port, "protocol": protocol}
    inputs, more = f'module(load="imtcp")\ninput(type="imtcp" port="{port}" address="127.0.0.1")', ""
    if protocol == "tls":
        signer = certificates.Authority(tmp_path)
        certificate, key = signer.issue("localhost")
        given["tls"] = {"ca_cert": str(signer.file)}
        driver = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"'
        inputs = inputs.replace('"imtcp")', f'"imtcp" {driver})', 1)
        more = (
            f'DefaultNetstreamDriverCAFile="{signer.file}" DefaultNetstreamDriverCertFile="{certificate}" '
            f'DefaultNetstreamDriverKeyFile="{key}"'
        )
    server = rsyslog.Rsyslog(tmp_path, inputs, more=more)
    server.start()
    try:
        assert await _send(server, 50, **given) == base.Outcome(50)
        found = server.wait(50)
    finally:
        server.stop()
    assert [json.loads(each["message"])["uuid"] for each in found] == [support.alert(n).uuid for n in range(50)]
    assert found[0]["severity"] == "warning"
    assert found[0]["app_name"] == "falcon"
    assert found[0]["hostname"] == "node-1"
    assert found[0]["message_id"] == "Terminal_shell_in_container"
    assert f'uuid="{support.alert().uuid}"' in found[0]["data"]
    assert 'pod="api-7d9f"' in found[0]["data"]


async def test_a_server_that_went_away_is_a_failure(tmp_path: Path) -> None:
    port = support.free_port()
    inputs = f'module(load="imtcp")\ninput(type="imtcp" port="{port}" address="127.0.0.1")'
    server = rsyslog.Rsyslog(tmp_path, inputs)
    server.start()
    chosen = support.wanted("syslog", host="127.0.0.1", port=port)
    sink = registry.make(chosen)
    batch = [support.message(sink, chosen, support.alert())]
    try:
        while (await sink.send(batch)).failure is not None:
            pass
        server.wait(1)
        server.stop()
        outcome = await sink.send(batch)
        assert outcome.failure is not None
        assert outcome.done == 0
    finally:
        server.stop()
        await sink.close()


async def test_what_an_attacker_chose_does_not_leave_its_place(tmp_path: Path) -> None:
    port = support.free_port()
    inputs = f'module(load="imudp")\ninput(type="imudp" port="{port}" address="127.0.0.1")'
    server = rsyslog.Rsyslog(tmp_path, inputs)
    server.start()
    chosen = support.wanted("syslog", host="127.0.0.1", port=port, protocol="udp", format="text")
    sink = registry.make(chosen)
    fields = {"k8s.ns.name": 'x"] [evil@1 a="b', "k8s.pod.name": "p"}
    hostile = support.alert(rule="a b\n<0>c", hostname="h ost", fields=fields, output="one\n<0>1 two\x00")
    try:
        # Datagrams before it listens are lost, and nobody is told.
        while not (found := server.received()):
            await sink.send([support.message(sink, chosen, hostile)])
    finally:
        server.stop()
        await sink.close()
    assert found[0]["hostname"] == "h?ost"
    assert "evil@1" not in found[0]["data"].replace('x\\"\\] [evil@1', "")
    assert found[0]["message"].lstrip() == "one <0>1 two\\u0000"

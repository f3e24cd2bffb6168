"""Alerts as a real rsyslogd receives them, over every transport."""

from __future__ import annotations

import dataclasses
import json
import socket
import time

import pytest
from tests.sensor.outputs.support import certificates, examples, rsyslog

from falcon_rules import bundle
from falcon_sensor.outputs import base, build
from falcon_sensor.settings import feeds, model, receivers

pytestmark = rsyslog.needed
QUICK = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)


@pytest.fixture
def daemon(tmp_path):
    """Makes an rsyslogd and starts it."""
    made = []

    def make(inputs: str, *, running: bool = True, **more):
        made.append(rsyslog.Rsyslog(tmp_path, inputs, **more))
        if running:
            made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def syslog():
    """Makes an output from settings of `syslog_output`."""
    made: list[base.Outputs] = []

    def make(*, json_output: bool = False, **options):
        settings = model.Settings(
            stdout_output=model.StdoutOutput(enabled=False),
            json_output=json_output,
            syslog_output=feeds.SyslogOutput(**{"enabled": True, "retry": QUICK, **options}),
        )
        made.append(build.outputs(settings).outputs)
        return made[-1]

    yield make
    for each in made:
        each.close(0.1)


def measures(outputs):
    (found,) = outputs.measures().values()
    return found


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"within 30 s: {what}"
        time.sleep(0.01)


def numbers(received):
    """Numbers of alerts, in the order of their first arrival: none is lost, some may come twice."""
    return list(dict.fromkeys(examples.number(json.loads(each["message"])) for each in received))


def tcp(port, more=""):
    return f'module(load="imtcp" {more})\ninput(type="imtcp" address="127.0.0.1" port="{port}")'


def test_tcp_with_everything_an_alert_says(daemon, syslog):
    port = rsyslog.unused()
    receiver = daemon(tcp(port))
    outputs = syslog(address=f"tcp://127.0.0.1:{port}", facility="local3", app_name="falcon")
    outputs.put(
        examples.alert(
            rule='Quotes " brackets ] and \\ back\nslashes',
            output="first line\nsecond \x1b[31mline ü",
            priority=bundle.Priority.WARNING,
            pod_namespace="team",
            pod_name="web-0",
        )
    )
    (found,) = receiver.wait(1)
    assert (found["facility"], found["severity"], found["app_name"]) == ("local3", "warning", "falcon")
    assert (found["hostname"], found["message_id"], found["protocol"]) == ("node-1", "alert", "1")
    assert found["message"].endswith(": Warning first line\\nsecond \\u001b[31mline ü")
    assert 'namespace="team" pod="web-0"' in found["data"]
    assert 'rule="Quotes \\" brackets \\] and \\\\ back\\\\nslashes"' in found["data"]


def test_udp_with_severities_that_are_the_priorities(daemon, syslog):
    port = rsyslog.unused(socket.SOCK_DGRAM)
    receiver = daemon(f'module(load="imudp")\ninput(type="imudp" address="127.0.0.1" port="{port}")')
    outputs = syslog(address=f"udp://127.0.0.1:{port}", json_output=True)
    for priority in bundle.Priority:
        outputs.put(examples.alert(priority, priority=priority))
    found = receiver.wait(8)
    assert numbers(found) == list(range(8))
    assert [each["severity"] for each in found[-8:]] == "emerg alert crit err warning notice info debug".split()


def test_local_socket_with_the_daemon_s_own_defaults(tmp_path, daemon, syslog):
    path = tmp_path / "log"
    receiver = daemon(f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{path}")')
    outputs = syslog(address=f"unix://{path}", facility="authpriv")
    outputs.put(examples.alert(output="a\nb"))
    (found,) = receiver.wait(1)
    assert (found["facility"], found["severity"], found["app_name"]) == ("authpriv", "notice", "falcon-sensor")
    assert found["message"].endswith(": Notice a\\nb")


def test_local_socket_with_rfc_5424(tmp_path, daemon, syslog):
    path = tmp_path / "log"
    receiver = daemon(
        'module(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{path}" UseSpecialParser="off" UseSysTimeStamp="off")'
    )
    outputs = syslog(address=f"unix://{path}", format="rfc5424")
    outputs.put(examples.alert())
    (found,) = receiver.wait(1)
    assert (found["app_name"], found["message_id"]) == ("falcon-sensor", "alert")
    assert 'rule="Terminal shell in container"' in found["data"]


def test_long_alerts_fit_and_stay_json(daemon, syslog):
    port = rsyslog.unused()
    receiver = daemon(tcp(port))
    outputs = syslog(address=f"tcp://127.0.0.1:{port}", json_output=True)
    outputs.put(examples.alert(3, output="ü" * 9000, fields={"proc.cmdline": "x" * 9000, "evt.num": 5}))
    (found,) = receiver.wait(1)
    shown = json.loads(found["message"])
    assert shown["uuid"] == examples.alert(3).uuid
    assert shown["output_fields"]["evt.num"] == 5
    assert shown["output_fields"]["proc.cmdline"].endswith("x...")
    assert measures(outputs)["cut"] == 1


def test_a_receiver_that_comes_late_dies_and_comes_back_gets_everything(daemon, syslog):
    port = rsyslog.unused()
    receiver = daemon(tcp(port), running=False)
    outputs = syslog(address=f"tcp://127.0.0.1:{port}", json_output=True)
    for number in range(50):
        outputs.put(examples.alert(number))
    until(lambda: measures(outputs)["retries"] > 2, "several attempts")
    receiver.start()
    receiver.wait(50)
    receiver.stop()
    for number in range(50, 100):
        outputs.put(examples.alert(number))
    receiver.start()
    until(lambda: measures(outputs)["queued"] == 0, "everything sent")
    until(lambda: numbers(receiver.received()) == list(range(100)), "every alert, in order")
    assert measures(outputs)["lost"] == 0


def test_a_local_daemon_that_comes_back(tmp_path, daemon, syslog):
    path = tmp_path / "log"
    inputs = f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{path}" RateLimit.Interval="0")'
    receiver = daemon(inputs)
    outputs = syslog(address=f"unix://{path}", json_output=True)
    outputs.put(examples.alert(0))
    receiver.wait(1)
    receiver.stop()
    outputs.put(examples.alert(1))
    until(lambda: measures(outputs)["retries"] > 0, "an attempt without a daemon")
    receiver.start()
    until(lambda: numbers(receiver.received()) == [0, 1], "both")


@pytest.fixture
def tls(tmp_path):
    """Configuration of a receiver that asks for certificates, and settings of a client that has one."""
    authority = certificates.Authority(tmp_path)
    server = authority.issue("localhost", "server")
    client = authority.issue("node-1", "client")
    more = (
        f'defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{authority.file}" '
        f'defaultNetstreamDriverCertFile="{server[0]}" defaultNetstreamDriverKeyFile="{server[1]}"'
    )
    driver = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name" PermittedPeer="node-1"'
    options = {
        "ca_cert": str(authority.file),
        "mtls": True,
        "client_cert": str(client[0]),
        "client_key": str(client[1]),
    }
    return more, driver, options


def test_tls_with_certificates_of_both_sides(daemon, syslog, tls):
    more, driver, options = tls
    port = rsyslog.unused()
    receiver = daemon(tcp(port, driver), more=more)
    outputs = syslog(address=f"tls://localhost:{port}", json_output=True, **options)
    for number in range(300):
        outputs.put(examples.alert(number))
    until(lambda: numbers(receiver.received()) == list(range(300)), "every alert, in order")


def test_tls_takes_no_server_of_an_unknown_authority(tmp_path, daemon, syslog, tls, capfd):
    more, driver, options = tls
    port = rsyslog.unused()
    daemon(tcp(port, driver), more=more)
    other = certificates.Authority(tmp_path, "other")
    outputs = syslog(address=f"tls://localhost:{port}", **{**options, "ca_cert": str(other.file)})
    outputs.put(examples.alert())
    said = ""

    def refused():
        nonlocal said
        said += capfd.readouterr().err
        return "certificate cannot be verified" in said

    until(refused, "the reason on standard error")
    assert measures(outputs)["delivered"] == 0


def test_one_that_hangs_delays_no_other(tmp_path, syslog):
    """It accepts and reads nothing: 2,000 alerts of 8 kB are more than the kernel takes for it."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = model.Settings(
            stdout_output=model.StdoutOutput(enabled=False),
            file_output=model.FileOutput(enabled=True, filename=str(tmp_path / "alerts")),
            syslog_output=feeds.SyslogOutput(enabled=True, address=f"tcp://127.0.0.1:{deaf.getsockname()[1]}"),
            outputs_queue=dataclasses.replace(model.OutputsQueue(), capacity=100),
        )
        built = build.outputs(settings)
        hanging, file = (each for kind in ("syslog", "file") for each in built.outputs.all() if kind in each.sink.name)
        for number in range(2000):
            built.outputs.put(examples.alert(number, output="x" * 8000))
            until(lambda: file.waiting < 50, "the file goes on")
        until(lambda: file.delivered == 2000, "all are in the file")
        assert hanging.lost > 0
        built.outputs.close(0.1)
        assert hanging.lost + hanging.delivered == 2000

"""gRPC as clients of Falco find it: made from what Falco publishes, over a Unix socket and over mutual TLS."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.sensor.outputs.support import certificates, examples, falco_client, rsyslog

from falcon_rules import bundle
from falcon_sensor.outputs import build
from falcon_sensor.settings import feeds, model, options


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    directory = tmp_path_factory.mktemp("falco")
    falco_client.generate(directory)
    return directory


@pytest.fixture
def address(tmp_path):
    return f"unix://{tmp_path}/run/falcon.sock"


@pytest.fixture
def serve(address):
    """Makes the output."""
    made = []

    def make(*, alerts: bool = True, capacity: int = 10_000, minimum: options.Priority = "debug", **grpc):
        settings = model.Settings(
            stdout_output=model.StdoutOutput(enabled=False),
            outputs_queue=model.OutputsQueue(capacity=capacity),
            grpc=feeds.Grpc(**{"enabled": True, "bind_address": address, **grpc}),
            grpc_output=feeds.GrpcOutput(enabled=alerts, minimum_priority=minimum),
        )
        made.append(build.outputs(settings).outputs)
        return made[-1]

    yield make
    for each in made:
        each.close(0)


@pytest.fixture
def client(generated, address):
    """Starts a client."""
    made = []

    def make(action, to=address, mtls=None):
        made.append(falco_client.Client(generated, to, action, mtls))
        return made[-1]

    yield make
    for each in made:
        each.kill()


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"within 30 s: {what}"
        time.sleep(0.01)


def measures(outputs):
    (found,) = outputs.measures().values()
    return found


def put(outputs, numbers, **more):
    for number in numbers:
        outputs.put(examples.alert(number, **more))
    until(lambda: not measures(outputs)["queued"], "handed over")


def listening(address):
    until(Path(address.removeprefix("unix://")).exists, "a socket")


def number(shown):
    """The alert's number, which its text has."""
    return int(shown["output"].rpartition("number=")[2].rstrip(")"))


def test_get_gives_what_nobody_has_read_once_and_whole(serve, client, address):
    outputs = serve()
    put(
        outputs,
        [1],
        tags=("b", "a"),
        priority=bundle.Priority.CRITICAL,
        source="internal",
        output="text \udcff\n(number=1)",
        fields={"proc.name": "bash", "proc.pid": 7, "fd.name": None, "proc.tty": True},
    )
    listening(address)
    (shown,) = client("get").rest()
    assert shown.pop("output").endswith(": Critical text \\udcff\\n(number=1)")
    assert shown == {
        "time": "2023-11-14T22:13:20.000000001Z",
        "priority": "CRITICAL",
        "rule": "Terminal shell in container",
        "source": "internal",
        "source_deprecated": "INTERNAL",
        "hostname": "node-1",
        "tags": ["a", "b"],
        "output_fields": {"proc.name": "bash", "proc.pid": "7", "fd.name": "<NA>", "proc.tty": "true"},
    }
    put(outputs, range(2, 200))
    assert [number(each) for each in client("get").rest()] == list(range(2, 200))
    assert client("get").rest() == []
    assert measures(outputs)["sent"] == 199


def test_subscribers_all_get_everything_from_the_moment_they_come(serve, client, address):
    outputs = serve()
    put(outputs, range(3))
    listening(address)
    first = client("sub")
    assert first.line() == {"subscribed": True}
    assert [number(first.line()) for _ in range(3)] == [0, 1, 2]
    others = [client("sub"), client("sub")]
    assert [each.line() for each in others] == [{"subscribed": True}] * 2
    until(lambda: measures(outputs)["clients"] == 3, "three subscribers")
    for count in range(3, 53):
        outputs.put(examples.alert(count))
        assert [number(each.line()) for each in [first, *others]] == [count] * 3
    assert client("get").rest() == []


def test_version(serve, client, address):
    serve()
    listening(address)
    (shown,) = client("version").rest()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", shown["version"])
    assert shown["version"].startswith(f"{shown.get('major', 0)}.{shown.get('minor', 0)}.")


def test_without_the_output_there_is_the_version_alone(serve, client, address):
    outputs = serve(alerts=False)
    put(outputs, [1])
    listening(address)
    assert "version" in client("version").rest()[0]
    assert client("get").rest() == [{"error": "StatusCode.UNIMPLEMENTED"}]
    assert measures(outputs)["filtered"] == 1


def test_a_minimum_priority(serve, client, address):
    outputs = serve(minimum="warning")
    put(outputs, [1], priority=bundle.Priority.NOTICE)
    put(outputs, [2], priority=bundle.Priority.WARNING)
    listening(address)
    assert [number(each) for each in client("get").rest()] == [2]


def test_one_that_stops_reading_delays_nobody_and_its_losses_are_counted(serve, client, address, capfd):
    outputs = serve(capacity=100)
    listening(address)
    slow, quick = client("stall"), client("sub")
    for each in (slow, quick):
        assert each.line() == {"subscribed": True}
    until(lambda: measures(outputs)["clients"] == 2, "two subscribers")
    sent = 0
    while not measures(outputs)["lost_slow"]:
        # In the end more than gRPC and the kernel keep for one that does not read, some megabytes.
        outputs.put(examples.alert(sent, output=f"{'x' * 100_000} (number={sent})"))
        assert number(quick.line()) == sent
        sent += 1
        assert sent < 2000
    assert measures(outputs)["lost"] == measures(outputs)["lost_too_many"] == 0
    until(lambda: "a subscriber does not keep up" in capfd.readouterr().err, "the reason")


def test_without_readers_the_oldest_go(serve, client, address, capfd):
    outputs = serve(capacity=10)
    listening(address)
    put_slowly = range(35)
    for count in put_slowly:
        put(outputs, [count])
    until(lambda: measures(outputs)["lost_too_many"] == 25, "25 dropped")
    assert [number(each) for each in client("get").rest()] == list(range(25, 35))
    assert re.search(r"nobody reads; \d+ alerts lost so far", capfd.readouterr().err)


def test_what_a_killed_client_had_waiting_is_for_the_next(serve, client, address):
    outputs = serve()
    listening(address)
    slow = client("stall")
    assert slow.line() == {"subscribed": True}
    for count in range(200):
        outputs.put(examples.alert(count, output=f"{'x' * 100_000} (number={count})"))
    slow.line()
    until(lambda: measures(outputs)["queued"] == 0, "handed over")
    slow.kill()
    until(lambda: measures(outputs)["clients"] == 0, "it is gone")
    rest = [number(each) for each in client("get").rest()]
    # What the kernel and gRPC had taken for it went with it.
    assert rest
    assert rest == list(range(rest[0], 200))


def test_the_end_waits_until_subscribers_have_everything(serve, client, address):
    outputs = serve()
    listening(address)
    reader = client("sub")
    assert reader.line() == {"subscribed": True}
    for count in range(500):
        outputs.put(examples.alert(count))
    outputs.close(20)
    *shown, end = reader.rest()
    assert [number(each) for each in shown] == list(range(500))
    assert end == {"ended": "StatusCode.OK"}
    assert measures(outputs)["lost"] == 0
    assert not Path(address.removeprefix("unix://")).exists()


def test_what_nobody_has_read_in_the_end_is_lost_and_counted(serve, address):
    outputs = serve()
    put(outputs, range(7))
    listening(address)
    outputs.close(20)
    assert measures(outputs)["lost"] == 7


def processes():
    """Of this process, those that serve gRPC."""
    command = ["pgrep", "-P", str(os.getpid()), "-f", "outputs.grpc.server"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_a_server_that_dies_is_started_again(serve, client, address, capfd):
    outputs = serve()
    put(outputs, range(5))
    listening(address)
    (pid,) = processes()
    os.kill(pid, signal.SIGKILL)
    until(lambda: measures(outputs)["starts"] == 2, "another one")
    put(outputs, [5])
    until(lambda: measures(outputs)["lost_crash"] == 5, "losses counted")
    until(lambda: "falcon.sock works again" in capfd.readouterr().err, "it listens")
    assert [number(each) for each in client("get").rest()] == [5]


def test_the_socket_is_for_the_sensor_s_user_and_group(serve, address):
    serve()
    listening(address)
    path = Path(address.removeprefix("unix://"))
    until(lambda: stat.S_IMODE(path.stat().st_mode) == 0o660, "its mode")


def test_an_address_somebody_has_is_waited_for(serve, client, address, capfd):
    path = Path(address.removeprefix("unix://"))
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        serve()
        said = ""

        def told():
            nonlocal said
            said += capfd.readouterr().err
            return "somebody else listens on" in said

        until(told, "the reason")
    until(lambda: "listens now" in capfd.readouterr().err, "success")
    assert "version" in client("version").rest()[0]


def test_a_directory_that_cannot_be_made_is_told(serve, address, tmp_path, capfd):
    (tmp_path / "run").write_text("a file")
    serve()
    said = ""

    def told():
        nonlocal said
        said += capfd.readouterr().err
        return f"cannot listen: {tmp_path}/run: File exists; trying again until it works" in said

    until(told, "the reason")


@pytest.fixture
def tls(tmp_path):
    """Settings of the server, and files of a client."""
    authority = certificates.Authority(tmp_path)
    server, client = authority.issue("localhost", "server"), authority.issue("client")
    port = rsyslog.unused()
    given = {
        "bind_address": f"localhost:{port}",
        "cert_chain": str(server[0]),
        "private_key": str(server[1]),
        "root_certs": str(authority.file),
    }
    return given, (str(authority.file), str(client[0]), str(client[1]))


def test_mutual_tls(serve, client, tls, tmp_path, capfd):
    given, files = tls
    address = given["bind_address"]
    outputs = serve(**given)
    put(outputs, range(3))
    until(lambda: measures(outputs)["starts"] == 1 and reachable(address), "it listens")
    assert [number(each) for each in client("get", address, files).rest()] == [0, 1, 2]
    put(outputs, [3])
    stranger = certificates.Authority(tmp_path, "stranger").issue("client", "stranger")
    for refused in [(files[0], "", ""), (files[0], *map(str, stranger))]:
        (shown,) = client("get", address, refused).rest()
        assert shown == {"error": "StatusCode.UNAVAILABLE"}
    assert client("get", address).rest() == [{"error": "StatusCode.UNAVAILABLE"}]
    assert measures(outputs)["calls"] == 1
    # A renewed authority and certificate are used without being told of.
    renewed = certificates.Authority(tmp_path, "renewed")
    for name, old in zip(renewed.issue("localhost", "renewed"), ("cert_chain", "private_key"), strict=True):
        name.rename(given[old])
    renewed.file.rename(given["root_certs"])
    mine = renewed.issue("client", "renewed-client")
    assert [number(each) for each in client("get", address, (given["root_certs"], *map(str, mine))).rest()] == [3]


def reachable(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bind_address": "unix://falcon.sock"}, "grpc.bind_address: must be unix:// and an absolute path"),
        ({"bind_address": "5060"}, "grpc.bind_address: must be address:port"),
        (
            {"bind_address": "0.0.0.0:5060", "private_key": "/nowhere"},
            "grpc.private_key: cannot read /nowhere",
        ),
    ],
)
def test_what_cannot_work_is_an_error_at_the_start(given, said):
    settings = model.Settings(grpc=feeds.Grpc(enabled=True, **given))
    with pytest.raises(build.Unusable, match=re.escape(said)):
        build.outputs(settings)


def test_the_sensor_s_own_process_has_nothing_of_it():
    """Neither gRPC and protobuf, nor the event loop, nor TLS."""
    program = """
import sys
from falcon_sensor.outputs import build
from falcon_sensor.settings import feeds, model
grpc = feeds.Grpc(enabled=True, bind_address=f"unix://{sys.argv[1]}/s")
built = build.outputs(model.Settings(grpc=grpc, grpc_output=feeds.GrpcOutput(enabled=True)))
print(sorted({"grpc", "google.protobuf", "asyncio", "ssl"} & set(sys.modules)))
built.outputs.close(5)
"""
    done = subprocess.run([sys.executable, "-c", program, "/tmp"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_generated_is_what_the_protos_say(tmp_path):
    """Mend with scripts/protos."""
    root = Path(__file__).parents[3]
    subprocess.run([root / "scripts" / "protos", tmp_path], check=True)
    written = sorted(path for path in tmp_path.rglob("*_pb2.py*") if path.is_file())
    assert len(written) == 6
    for path in written:
        assert path.read_text() == (root / "sensor" / path.relative_to(tmp_path)).read_text(), path.name

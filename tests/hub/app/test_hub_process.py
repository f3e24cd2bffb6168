"""`falcon-hub` as people run it: starting, who may come in, ending, and what is said when something is wrong."""

from __future__ import annotations

import json
import os
import pty
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub.support import made
from tests.hub.support.process import SECONDS, Hub, run

from falcon_hub.cli import main

READER = "a-token-of-a-reader"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    readers = f'access.reader_tokens=[{{name: test, token: "{READER}"}}]'
    made_hub = Hub(tmp_path, readers, "access.first_admin_password=a password of admin's")
    yield made_hub
    made_hub.stop()


def test_from_the_first_start_to_the_end(hub: Hub):
    hub.start()
    assert "made a token for senders" in hub.said()
    assert "a password of admin's" not in hub.said()
    status, answer = hub.ask("/", [made.alert(1).to_json(), made.alert(2).to_json()])
    assert (status, json.loads(answer)) == (200, {"accepted": 2, "duplicates": 0})
    assert hub.ask("/api/v1/alerts")[0] == 401
    status, answer = hub.ask("/api/v1/alerts", token=READER)
    assert [each["uuid"] for each in json.loads(answer)["alerts"]] == [made.alert(2).uuid, made.alert(1).uuid]
    assert _login(hub, "admin", "a password of admin's") == 200
    # A user made while it runs can log in, and one that is disabled cannot.
    assert run(hub, "user", "add", "vic", given="staples and clouds\n").stdout == "added vic as viewer\n"
    assert _login(hub, "vic", "staples and clouds") == 200
    assert run(hub, "user", "disable", "vic").returncode == 0
    assert _login(hub, "vic", "staples and clouds") == 401
    assert run(hub, "user", "list").stdout == "admin\tadmin\nvic\tviewer\tdisabled\n"
    assert hub.stop() == 0
    assert hub.said().endswith("falcon-hub: stopping\n")
    modes = {path.name: path.stat().st_mode & 0o077 for path in (hub.folder / "data").iterdir()}
    assert set(modes.values()) == {0}, "others may not read what the hub keeps"


def _login(hub: Hub, user: str, password: str) -> int:
    body = json.dumps({"user": user, "password": password}).encode()
    request = urllib.request.Request(hub.address + "api/v1/login", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_second_hub_in_the_same_folder_is_refused(hub: Hub):
    hub.start()
    found = run(hub, "serve")
    assert found.returncode == 1
    assert "another falcon-hub runs with data_dir" in found.stderr


def test_what_was_made_at_the_first_start_stays(hub: Hub):
    hub.start()
    token = hub.token
    hub.ask("/", [made.alert(1).to_json()])
    hub.stop()
    hub.start()
    assert hub.token == token
    assert json.loads(hub.ask("/", [made.alert(1).to_json()])[1]) == {"accepted": 0, "duplicates": 1}
    assert hub.said().count("made the user admin") == 1


def test_a_terminal_is_shown_the_first_password_once(tmp_path: Path):
    hub = Hub(tmp_path)
    terminal, side = pty.openpty()
    process = subprocess.Popen([*hub.command("serve"), "-o", "listen.port=0"], stderr=side, env=hub._environ)
    os.close(side)
    said = b""
    try:
        while b"ready:" not in said:
            said += os.read(terminal, 4096)
    finally:
        process.terminate()
        process.wait(SECONDS)
        os.close(terminal)
    assert said.count(b"made the user admin with the password ") == 1


def test_without_a_terminal_nobody_gets_in_until_a_user_is_made(tmp_path: Path):
    hub = Hub(tmp_path)
    hub.start()
    hub.stop()
    assert "nobody can log in yet: `falcon-hub user add NAME --role admin`" in hub.said()


def test_tls_is_spoken_where_a_certificate_is_given(tmp_path: Path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    hub = Hub(tmp_path, f"listen.tls.cert={cert}", f"listen.tls.key={key}")
    hub.start()
    try:
        assert hub.address.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(hub.address + "readyz", timeout=SECONDS, context=context) as answer:
            assert answer.read() == b"ok\n"
    finally:
        assert hub.stop() == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("listen.prot=1", "-o listen.prot: listen.prot is no option; did you mean listen.port?"),
        ("listen.host=192.0.2.1", "cannot listen at 192.0.2.1 port 2801"),
        ("listen.tls.cert=/nowhere", "listen.tls needs both cert and key"),
        ("store.url=mysql://x", "store.url must begin with sqlite: or postgresql:"),
        ("store.url=sqlite:////proc/nowhere/hub.db", "the database cannot be used: cannot make /proc/nowhere"),
        ("store.url=postgresql://falcon@127.0.0.1:1/x", "the database cannot be used: connection failed"),
        ("data_dir=/proc/nowhere", "data_dir /proc/nowhere cannot be used"),
        ("ingest.token_file=/nowhere/token", "cannot read the tokens of senders in /nowhere/token: No such file"),
        ("access.first_admin_password=short", "access.first_admin_password: a password needs at least 10 characters"),
        ("access.trusted_proxies=[x]", "access: 'x' does not appear to be an IPv4 or IPv6 network"),
        ("sinks=[{name: a, type: nothing}]", "nothing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_starts(
    tmp_path: Path, option: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "umask", lambda mask: 0)
    assert main.main(["serve", "-o", f"data_dir={tmp_path / 'data'}", "-o", option]) == 1
    said = capsys.readouterr().err
    assert message in said.splitlines()[-1]
    assert not [line for line in said.splitlines()[:-1] if "made a token" not in line and "nobody can" not in line]

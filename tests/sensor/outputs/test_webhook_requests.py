"""What a receiver gets: body, headers, credentials, TLS."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from tests.sensor.outputs.support import certificates, examples, receiver

from falcon_sensor.outputs import base, render
from falcon_sensor.outputs.webhook import sink
from falcon_sensor.settings import model, receivers

FAST = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)


@pytest.fixture
def there():
    found = receiver.Receiver()
    yield found
    found.close()


@pytest.fixture
def authority(tmp_path):
    return certificates.Authority(tmp_path)


@pytest.fixture
def secure(authority):
    found = receiver.Receiver(authority.server())
    yield found
    found.close()


@pytest.fixture
def webhook():
    """Makes outputs that end with the test."""
    made: list[base.Output] = []

    def make(url, tell=None, **options):
        settings = receivers.HttpOutput(enabled=True, url=url, **{"retry": FAST, **options})
        output = base.Output(
            sink.Webhook(settings, render.as_json(model.Settings()), tell or (lambda line: None)), 1000
        )
        made.append(output)
        return output

    yield make
    for output in made:
        output.start_closing()


def test_an_alert_is_falcos_json_in_a_request_of_its_own(there, webhook):
    output = webhook(there.url)
    for number in range(3):
        output.put(examples.alert(number))
    requests = there.wait(3)
    assert [examples.number(each.json) for each in requests] == [0, 1, 2]
    expected = json.loads(render.as_json(model.Settings())(examples.alert(0)))
    assert requests[0].json == expected
    assert expected["rule"] == "Terminal shell in container"
    assert requests[0].path == "/hook"
    assert requests[0].headers["content-type"] == "application/json"
    assert requests[0].headers["user-agent"] == "falcon-sensor"


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 1), (False, 3)])
def test_connections_are_kept_unless_told_otherwise(there, webhook, keep_alive, connections):
    output = webhook(there.url, keep_alive=keep_alive)
    for number in range(3):
        output.put(examples.alert(number))
    there.wait(3)
    assert there.connections == connections


def test_paths_and_queries_of_the_url_are_sent_and_never_shown(there, webhook):
    told: list[str] = []
    output = webhook(f"{there.url}/secret?key=hidden", told.append)
    there.answers.append(receiver.Answer(500))
    output.put(examples.alert())
    assert there.wait(2)[0].path == "/hook/secret?key=hidden"
    receiver.until(lambda: len(told) == 2)
    assert "hidden" not in output.sink.name + "".join(told)
    assert "secret" not in output.sink.name + "".join(told)


def test_own_headers_and_user_agent(there, webhook):
    webhook(there.url, headers={"X-Scope-OrgID": "security"}, user_agent="me/1").put(examples.alert())
    headers = there.wait(1)[0].headers
    assert (headers["x-scope-orgid"], headers["user-agent"]) == ("security", "me/1")


def test_a_bearer_token(there, webhook):
    webhook(there.url, bearer_token="t0ken").put(examples.alert())
    assert there.wait(1)[0].headers["authorization"] == "Bearer t0ken"


def test_a_bearer_token_that_is_replaced(there, webhook, tmp_path):
    token = tmp_path / "token"
    token.write_text("one\n")
    output = webhook(there.url, bearer_token_file=str(token))
    output.put(examples.alert())
    there.wait(1)
    token.write_text("two\n")
    output.put(examples.alert())
    assert [each.headers["authorization"] for each in there.wait(2)] == ["Bearer one", "Bearer two"]


def test_a_token_file_that_comes_later_is_waited_for(there, webhook, tmp_path):
    told: list[str] = []
    token = tmp_path / "token"
    output = webhook(there.url, told.append, bearer_token_file=str(token))
    output.put(examples.alert())
    receiver.until(lambda: told)
    assert told[0].endswith(f"cannot read {token}: No such file or directory; alerts wait until it works again")
    token.write_text("late")
    assert there.wait(1)[0].headers["authorization"] == "Bearer late"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_basic_authentication(there, webhook, tmp_path):
    password = tmp_path / "password"
    password.write_text("from file\n")
    for auth in (
        receivers.BasicAuth(username="falcon", password="pärol"),
        receivers.BasicAuth(username="falcon", password_file=str(password)),
    ):
        webhook(there.url, basic_auth=auth).put(examples.alert())
        there.wait(len(there.requests) or 1)
    webhook(there.url.replace("localhost", "me:p%40ss@localhost")).put(examples.alert())
    found = {each.headers["authorization"] for each in there.wait(3)}
    assert found == {basic("falcon", "pärol"), basic("falcon", "from file"), basic("me", "p@ss")}


def test_large_bodies_are_compressed_when_asked_for(there, webhook):
    output = webhook(there.url, compress_uploads=True)
    output.put(examples.alert(1, output="x" * 2000))
    request = there.wait(1)[0]
    assert request.headers["content-encoding"] == "gzip"
    assert len(request.body) < 1000
    assert request.json["output"].endswith("x" * 2000)


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_batches(there, webhook, form):
    there.open.clear()
    output = webhook(there.url, batch=receivers.WebhookBatch(max_alerts=4, format=form))
    output.put(examples.alert(0))
    there.wait(1)
    for number in range(1, 7):
        output.put(examples.alert(number))
    there.open.set()
    bodies = [each.body for each in there.wait(3)]
    if form == "ndjson":
        batches = [[json.loads(line) for line in body.splitlines()] for body in bodies]
        assert there.requests[0].headers["content-type"] == "application/x-ndjson"
    else:
        batches = [json.loads(body) for body in bodies]
    assert [[examples.number(each) for each in batch] for batch in batches] == [[0], [1, 2, 3, 4], [5, 6]]


def test_a_private_authority(secure, authority, webhook):
    webhook(secure.url, ca_cert=str(authority.file)).put(examples.alert())
    assert examples.number(secure.wait(1)[0].json) == 1


def test_a_directory_of_authorities(secure, authority, webhook, tmp_path):
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "a.pem").write_bytes(authority.file.read_bytes())
    webhook(secure.url, ca_path=str(trusted)).put(examples.alert())
    secure.wait(1)


@pytest.mark.parametrize("trusted", ["system", "other"])
def test_unknown_servers_get_nothing(secure, webhook, tmp_path, trusted):
    told: list[str] = []
    other = certificates.Authority(tmp_path, "other")
    output = webhook(secure.url, told.append, **({"ca_cert": str(other.file)} if trusted == "other" else {}))
    output.put(examples.alert())
    receiver.until(lambda: output.sink.measures()["retries"] >= 2)
    assert "certificate cannot be verified" in told[0]
    assert len(told) == 1
    assert secure.requests == []


def test_the_certificate_must_be_for_the_name(authority, webhook):
    told: list[str] = []
    impostor = receiver.Receiver(authority.server("elsewhere.example"))
    webhook(impostor.url, told.append, ca_cert=str(authority.file)).put(examples.alert())
    receiver.until(lambda: told)
    impostor.close()
    assert "certificate cannot be verified" in told[0]
    assert impostor.requests == []


def test_verification_is_only_off_with_a_loud_warning(secure, webhook):
    told: list[str] = []
    webhook(secure.url, told.append, insecure_skip_verify=True).put(examples.alert())
    secure.wait(1)
    assert "WARNING: insecure_skip_verify is on" in told[0]


def test_credentials_over_http_to_another_machine_are_warned_about(webhook):
    told: list[str] = []
    webhook("http://receiver.example:9/", told.append, bearer_token="t")
    assert "WARNING: credentials are sent unencrypted" in told[0]


def test_a_client_certificate(authority, webhook):
    strict = receiver.Receiver(authority.server(ask_clients=True))
    certificate, key = authority.issue("sensor")
    options = {"ca_cert": str(authority.file), "mtls": True, "client_cert": str(certificate), "client_key": str(key)}
    webhook(strict.url, **options).put(examples.alert())
    request = strict.wait(1)[0]
    strict.close()
    assert request.peer["subjectAltName"] == (("DNS", "sensor"),)


def test_renewed_certificates_are_shown_on_the_next_connection(authority, webhook):
    strict = receiver.Receiver(authority.server(ask_clients=True))
    certificate, key = authority.issue("old", "mine")
    output = webhook(
        strict.url,
        keep_alive=False,
        ca_cert=str(authority.file),
        mtls=True,
        client_cert=str(certificate),
        client_key=str(key),
    )
    output.put(examples.alert())
    strict.wait(1)
    authority.issue("new", "mine")
    output.put(examples.alert())
    names = [each.peer["subjectAltName"][0][1] for each in strict.wait(2)]
    strict.close()
    assert names == ["old", "new"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://x/"}, "http_output.url: must begin with http:// or https://"),
        ({"url": "http:///x"}, "http_output.url: has no host"),
        ({"url": "http://x/a b"}, "http_output.url: has characters that must be percent-encoded"),
        ({"url": "http://x:port/"}, "http_output.url: "),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "http_output.headers: 'X-A' is no header"),
        ({"headers": {"X A": "a"}}, "http_output.headers: 'X A' is no header"),
        ({"ca_cert": "/nowhere.pem"}, "http_output: TLS cannot be set up: /nowhere.pem: No such file"),
        ({"mtls": True, "client_cert": "/c", "client_key": "/k"}, "http_output: TLS cannot be set up: /c"),
        ({"spool": receivers.WebhookSpool(directory="/proc/x")}, "http_output.spool.directory: cannot use /proc/x"),
    ],
)
def test_what_cannot_work_is_an_error_at_the_start(options, message):
    settings = dataclasses.replace(receivers.HttpOutput(url="https://localhost/"), **options)
    with pytest.raises(sink.Unusable) as error:
        sink.Webhook(settings, render.as_json(model.Settings()))
    assert str(error.value).startswith(message)

"""Where the API server is and how we are known to it; requests against a stand-in."""

from __future__ import annotations

import base64
import json
import ssl

import pytest
import yaml
from aiohttp import web
from tests.sensor.cluster.support import keys

from falcon_sensor.clients import connection, kube


@pytest.fixture
def account(tmp_path):
    """The directory of a service account."""
    (tmp_path / "ca.crt").write_text(keys.Authority().pem)
    (tmp_path / "token").write_text("first\n")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "server"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_in_a_pod(account, host, server):
    found = connection.in_cluster(account, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})
    assert found.token is not None
    assert (found.server, found.token.get()) == (server, "first")
    assert found.tls.verify_mode is ssl.CERT_REQUIRED


def test_outside_of_a_pod_it_says_what_to_set(account):
    with pytest.raises(connection.NoConnection, match=r"cluster\.kubeconfig"):
        connection.in_cluster(account, {})


def test_a_pod_without_a_token(account):
    (account / "token").unlink()
    with pytest.raises(connection.NoConnection, match="token"):
        connection.in_cluster(account, {"KUBERNETES_SERVICE_HOST": "10.96.0.1"})


def test_a_renewed_token_is_read_after_a_while_or_when_the_old_one_is_refused(account, monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    token = connection.Token(file=account / "token")
    assert token.get() == "first"
    (account / "token").write_text("second")
    assert token.get() == "first"
    now += connection.TOKEN_SECONDS
    assert token.get() == "second"
    (account / "token").write_text("third")
    token.refused()
    assert token.get() == "third"
    (account / "token").unlink()
    token.refused()
    assert token.get() == "third"


def write(tmp_path, cluster, user):
    path = tmp_path / "config"
    whole = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "other", "cluster": {}}, {"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(whole))
    return path


def test_a_kubeconfig_with_files(tmp_path):
    authority = keys.Authority()
    authority.issue(tmp_path, "admin")
    (tmp_path / "ca.pem").write_text(authority.pem)
    user = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    found = connection.find(
        str(write(tmp_path, {"server": "https://x:6443/", "certificate-authority": "ca.pem"}, user))
    )
    assert (found.server, found.token) == ("https://x:6443", None)


def test_a_kubeconfig_with_everything_in_place(tmp_path):
    authority = keys.Authority()
    authority.issue(tmp_path, "admin")

    def data(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    user = {
        "client-certificate-data": data((tmp_path / "tls.crt").read_text()),
        "client-key-data": data((tmp_path / "tls.key").read_text()),
        "token": "abc",
    }
    cluster = {"server": "https://x:6443", "certificate-authority-data": data(authority.pem)}
    found = connection.find(str(write(tmp_path, cluster, user)))
    assert found.token is not None
    assert (found.server, found.token.get()) == ("https://x:6443", "abc")


@pytest.mark.parametrize("text", ["", "[]", "{", "current-context: x", "a: b", "{current-context: x, contexts: []}"])
def test_what_is_no_kubeconfig_is_one_clear_error(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(connection.NoConnection, match=str(path)):
        connection.find(str(path))


def test_a_kubeconfig_that_is_not_there(tmp_path):
    with pytest.raises(connection.NoConnection, match="No such file"):
        connection.find(str(tmp_path / "none"))


# Requests


@pytest.fixture
async def serve():
    """`await serve(handler)` gives (api, token) for a stand-in that answers every request by `handler`."""
    running = []

    async def start(handler):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        to = connection.Connection(
            f"http://{host}:{port}", ssl.create_default_context(), connection.Token(text="secret")
        )
        api = kube.Api(to)
        running.append((api, runner))
        return api

    yield start
    for api, runner in running:
        await api.close()
        await runner.cleanup()


async def test_requests_show_the_token_and_carry_json(serve):
    got = []

    async def handler(request):
        got.append((request.method, request.path, request.headers["Authorization"], request.content_type))
        return web.json_response({"echo": json.loads(await request.read() or b"null")})

    api = await serve(handler)
    assert await api.get("/api/v1/x") == {"echo": None}
    assert await api.create("/api/v1/x", {"a": 1}) == {"echo": {"a": 1}}
    assert await api.patch("/api/v1/x/y", {"b": 2}) == {"echo": {"b": 2}}
    assert [(method, kind) for method, _, _, kind in got] == [
        ("GET", "application/octet-stream"),
        ("POST", "application/json"),
        ("PATCH", kube.MERGE_PATCH),
    ]
    assert {each[2] for each in got} == {"Bearer secret"}
    assert api.requests == {("GET", "200"): 1, ("POST", "200"): 1, ("PATCH", "200"): 1}


async def test_refusals_say_why(serve):
    async def handler(request):
        body = {"kind": "Status", "reason": "AlreadyExists", "message": "events x already exists"}
        return web.json_response(body, status=409, headers={"Retry-After": "3"})

    api = await serve(handler)
    with pytest.raises(kube.ApiError, match="already exists") as caught:
        await api.create("/x", {})
    assert (caught.value.status, caught.value.reason, caught.value.retry_after) == (409, "AlreadyExists", 3.0)


async def test_no_redirect_is_followed_with_the_token(serve):
    async def handler(request):
        assert request.path == "/x"
        raise web.HTTPFound("/elsewhere")

    api = await serve(handler)
    with pytest.raises(kube.ApiError):
        await api.get("/x")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null"])
async def test_an_answer_that_is_no_object(serve, body):
    async def handler(request):
        return web.Response(body=body)

    api = await serve(handler)
    with pytest.raises(kube.Unreachable):
        await api.get("/x")


async def test_a_server_that_is_not_there():
    to = connection.Connection("https://127.0.0.1:1", ssl.create_default_context())
    async with kube.Api(to) as api:
        with pytest.raises(kube.Unreachable):
            await api.get("/x")
        assert api.requests == {("GET", "none"): 1}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            {"authenticated": True, "user": {"username": "system:serviceaccount:a:b"}, "audiences": ["falcon-sensor"]},
            kube.Review(True, "system:serviceaccount:a:b", ("falcon-sensor",)),
        ),
        ({"error": "expired"}, kube.Review(False, error="expired")),
        ({"authenticated": "yes", "user": None}, kube.Review(False)),
        ({}, kube.Review(False)),
    ],
)
async def test_token_reviews(serve, status, expected):
    async def handler(request):
        asked = await request.json()
        assert asked["spec"] == {"token": "t", "audiences": ["falcon-sensor"]}
        return web.json_response({"status": status}, status=201)

    api = await serve(handler)
    assert await api.review_token("t", ["falcon-sensor"]) == expected

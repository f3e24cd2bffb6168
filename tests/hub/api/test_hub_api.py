"""Alerts over HTTP: forms of bodies, tokens, limits, and what is answered when the store cannot."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import test_utils, web
from tests.hub.support import made

from falcon_hub.api import counters, ingest, metrics, probes, routes, tokens
from falcon_hub.store import filters, store

TOKEN = "a-token-of-the-tests"
MOST_BYTES = 100_000
Client = test_utils.TestClient[web.Request, web.Application]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[store.Store]:
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as opened:
        yield opened


@pytest.fixture
async def client(kept: store.Store, tmp_path: Path) -> AsyncIterator[Client]:
    path = tmp_path / "tokens"
    path.write_text(f"# senders\n\n{TOKEN}\nanother-token-of-the-tests\n")
    counted = counters.Counters()
    application = web.Application(client_max_size=MOST_BYTES)
    taking = ingest.Ingest(
        kept,
        tokens.Tokens(str(path)),
        counted,
        most_alerts=50,
        most_bytes=MOST_BYTES,
        custom={"environment": "test", "fd.name": "never"},
    )

    async def nothing() -> list[Any]:
        return []

    routes.add(application, taking, probes.Probes(kept), metrics.Metrics(kept, counted, nothing))
    server = test_utils.TestServer(application)
    await server.start_server(auto_decompress=False)
    async with test_utils.TestClient(server) as opened:
        yield opened


@pytest.fixture
def post(client: Client) -> Callable[..., Awaitable[tuple[int, dict[str, Any]]]]:
    """`await post(body)`: status and JSON."""

    async def send(body: bytes, path: str = "/", **headers: str) -> tuple[int, dict[str, Any]]:
        given = {"Authorization": f"Bearer {TOKEN}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        async with client.post(path, data=body, headers=given) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else {}

    return send


def body(*numbers: int) -> list[dict[str, Any]]:
    return [made.alert(number).to_json() for number in numbers]


@pytest.mark.parametrize("path", ["/", "/api/v1/alerts"])
async def test_one_several_and_one_a_line_are_taken(post, kept: store.Store, path: str):
    assert await post(json.dumps(body(1)[0]).encode(), path) == (200, {"accepted": 1, "duplicates": 0})
    assert await post(json.dumps(body(1, 2, 3), indent=1).encode(), path) == (200, {"accepted": 2, "duplicates": 1})
    lines = "\r\n".join(json.dumps(each) for each in body(4, 5)) + "\n\n"
    assert await post(lines.encode(), path) == (200, {"accepted": 2, "duplicates": 0})
    assert await post(b"[]", path) == (200, {"accepted": 0, "duplicates": 0})
    assert [each.seq for each in await kept.after(0, 10)] == [1, 2, 3, 4, 5]


async def test_packed_bodies_are_taken_and_bombs_are_not(post):
    packed = gzip.compress(json.dumps(body(1)).encode())
    assert await post(packed, Content_Encoding="gzip") == (200, {"accepted": 1, "duplicates": 0})
    bomb = gzip.compress(b" " * (MOST_BYTES * 50))
    assert (await post(bomb, Content_Encoding="gzip"))[0] == 413
    assert (await post(b"not packed", Content_Encoding="gzip"))[0] == 400
    assert (await post(packed[:-9], Content_Encoding="gzip"))[0] == 400
    assert (await post(packed, Content_Encoding="br"))[0] == 400
    assert (await post(zlib.compress(b"[]"), Content_Encoding="deflate"))[0] == 200


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"rule": NaN}', 400, "NaN"),
        (b"\xff", 400, "not UTF-8"),
        (b"[" * 50_000, 400, "nested too deeply"),
        (b'"text"', 400, "must be a JSON object"),
        (json.dumps([*body(1, 2), {"rule": "r"}]).encode(), 400, "alert 2: "),
        (json.dumps(body(1)[0]).encode() + b"\nnonsense", 400, "line 2 is not JSON"),
        (json.dumps(body(*range(51))).encode(), 413, "at most 50"),
    ],
)
async def test_what_cannot_be_taken_is_explained_and_nothing_is_kept(
    post, kept: store.Store, given: bytes, status: int, message: str
):
    answered, answer = await post(given)
    assert answered == status
    assert message in answer["error"]
    assert await kept.after(0, 10) == []


async def test_more_than_may_come_is_refused(post):
    assert (await post(b" " * (MOST_BYTES + 1)))[0] == 413


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong-token-of-tests", f"Basic {TOKEN}", "Bearer # senders"],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/alerts", "/test"])
async def test_nothing_is_taken_without_a_token(
    client: Client, kept: store.Store, path: str, authorization: str | None
):
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.post(path, data=json.dumps(body(1)), headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await kept.after(0, 10) == []


async def test_custom_fields_are_added_where_the_alert_has_none(post, kept: store.Store):
    await post(json.dumps(body(1)).encode())
    [found] = await kept.after(0, 10)
    assert found.alert.fields["environment"] == "test"
    assert found.alert.fields["fd.name"] == "/etc/shadow"


async def test_a_test_alert_goes_the_whole_way(post, kept: store.Store):
    assert await post(b"", "/test") == (200, {"accepted": 1, "duplicates": 0})
    [found] = (await kept.page(filters.Filter(is_={"tag": ("test",)}))).rows
    assert found.alert.source == "falcon_hub"


async def test_a_store_that_cannot_take_them_makes_senders_wait(client: Client, post, kept: store.Store):
    await kept.close()
    status, answer = await post(json.dumps(body(1)).encode())
    assert (status, "cannot store alerts now" in answer["error"]) == (503, True)
    async with client.post("/", data=json.dumps(body(1)), headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert int(response.headers["Retry-After"]) > 0


async def test_probes_and_metrics_tell_states_without_a_token_and_no_alerts(client: Client, post):
    await post(json.dumps(body(1, 2)).encode())
    await post(b"nonsense")
    for path, text in [("/ping", "pong\n"), ("/livez", "ok\n"), ("/readyz", "ok\n"), ("/healthz", "ok\n")]:
        async with client.get(path) as answer:
            assert (answer.status, await answer.text()) == (200, text)
    async with client.get("/metrics") as answer:
        shown = await answer.text()
    assert 'falcon_hub_alerts_received_total{priority="warning"} 2.0' in shown
    assert "falcon_hub_alerts_stored_total 2.0" in shown
    assert "falcon_hub_requests_refused_total 1.0" in shown
    assert "shadow" not in shown


def test_a_token_file_is_made_for_its_owner_alone_and_kept(tmp_path: Path):
    path = tmp_path / "new" / "token"
    tokens.Tokens.open(str(path), make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text()
    assert len(first.strip()) >= 32
    assert tokens.Tokens.open(str(path), make=True).allow(first.strip())
    assert path.read_text() == first


def test_a_changed_token_counts_at_once_and_a_file_that_goes_takes_none_away(tmp_path: Path):
    path = tmp_path / "token"
    path.write_text("the-first-token-there-was\n")
    found = tokens.Tokens(str(path))
    path.with_suffix(".new").write_text("another-token-for-them\n")
    os.replace(path.with_suffix(".new"), path)
    assert found.allow("another-token-for-them")
    assert not found.allow("the-first-token-there-was")
    path.unlink()
    assert found.allow("another-token-for-them")


@pytest.mark.parametrize(("text", "message"), [("", "no token"), ("# x\n", "no token"), ("short\n", "fewer than 16")])
def test_a_token_file_that_protects_nothing_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(tokens.TokenError, match=message):
        tokens.Tokens.open(str(path), make=False)
    with pytest.raises(tokens.TokenError, match="No such file"):
        tokens.Tokens.open(str(tmp_path / "none"), make=False)

"""The API behind the page, as a program asks it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import test_utils, web
from tests.hub.web.support import examples

from falcon_hub import alerts
from falcon_hub.access import access, passwords
from falcon_hub.settings import model
from falcon_hub.store import records, store
from falcon_hub.web import routes, stream

TOKEN = "a-token-of-a-reader"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[store.Store]:
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as opened:
        yield opened


@pytest.fixture
async def client(kept: store.Store) -> AsyncIterator[test_utils.TestClient[Any, Any]]:
    async def states() -> list[dict[str, Any]]:
        return []

    application = web.Application()
    reader = model.ReaderToken.model_validate({"name": "script", "token": TOKEN, "role": "admin"})
    door = access.Access(kept.accounts, model.Access(reader_tokens=[reader]))
    routes.add(application, kept, door, states, single_sign_on="Example ID")
    async with test_utils.TestClient(test_utils.TestServer(application), headers=AUTH) as found:
        yield found


async def get(client: test_utils.TestClient[Any, Any], path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


PATHS = (
    *("alerts", "alerts/00000000-0000-4000-8000-000000000000", "alerts/00000000-0000-4000-8000-000000000000/exception"),
    *("counts", "timeline", "top", "stream", "export.json", "export.csv", "silences", "sinks", "sinks/x/dead-letters"),
    "audit",
)


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_told_to_nobody(client: test_utils.TestClient[Any, Any], path: str):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = await client.get(f"/api/v1/{path}", headers=headers)
        assert answer.status == 401
        assert "error" in await answer.json()


async def test_pages_follow_one_another(client: test_utils.TestClient[Any, Any], kept: store.Store):
    made = list(examples.several(25))
    await kept.add(made)
    seen, before = [], ""
    while True:
        page = await get(client, f"alerts?limit=10&before={before}")
        seen += [each["uuid"] for each in page["alerts"]]
        # Each row says where a page that begins behind it begins.
        assert page["next"] in (None, page["alerts"][-1]["cursor"])
        before = page["next"]
        if before is None:
            break
    assert seen == [each.uuid for each in sorted(made, key=lambda each: -each.time_ns)]


async def test_figures(client: test_utils.TestClient[Any, Any], kept: store.Store):
    await kept.add(
        [examples.one(1, 10, rule="A", priority="Emergency"), examples.one(2, 10, rule="B", priority="Debug")]
    )
    await kept.acknowledgements.set(examples.one(2).uuid, who="ada", reason="x")
    counts = await get(client, "counts?from=-1h")
    assert counts == {"total": 2, "priorities": [1, 0, 0, 0, 0, 0, 0, 1], "open": [1, 0, 0, 0, 0, 0, 0, 0]}
    timeline = await get(client, "timeline?from=-1h&buckets=120")
    assert len(timeline["counts"]) == 120
    assert timeline["end"] - timeline["start"] == pytest.approx(3600, abs=1)
    assert [sum(each[priority] for each in timeline["counts"]) for priority in (0, 7)] == [1, 1]
    assert await get(client, "top?by=rule&rule=A") == {"top": [{"value": "A", "count": 1}]}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("alerts?before=x", "before must be"),
        ("alerts?limit=0", "limit must be a number"),
        ("alerts/none", "by its UUID"),
        ("top?by=output", "by must be one of rule"),
        ("timeline?buckets=501", "buckets must be"),
        ("export.csv?from=x", "from must be"),
        ("sinks/x/dead-letters?limit=501", "limit must be"),
        ("audit?limit=501", "limit must be"),
        ("audit?before=x", "before must be"),
        ("audit?before=1-99999999999999999999", "before must be"),
        ("sinks/x/dead-letters?after=-1", "after must be"),
    ],
)
async def test_bad_questions_get_an_error_that_says_so(client: test_utils.TestClient[Any, Any], path: str, says: str):
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status == 400
    assert says in (await answer.json())["error"]


async def test_an_alert_that_is_not_there(client: test_utils.TestClient[Any, Any]):
    answer = await client.get("/api/v1/alerts/00000000-0000-4000-8000-000000000000")
    assert answer.status == 404
    assert "no such alert" in (await answer.json())["error"]


async def test_export_gives_everything_once(client: test_utils.TestClient[Any, Any], kept: store.Store):
    made = list(examples.several(1201, hours=2))
    await kept.add(made)
    await kept.acknowledgements.set(made[0].uuid, who="ada", reason="=cmd()")
    answer = await client.get("/api/v1/export.json")
    found = json.loads(await answer.text())
    assert [alerts.parse(each) for each in found] == sorted(made, key=lambda each: -each.time_ns)
    assert found[-1]["falcon_hub"]["acknowledged"]["who"] == "ada"
    answer = await client.get("/api/v1/export.csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["uuid"] for row in rows] == [each["uuid"] for each in found]
    assert json.loads(rows[0]["output_fields"]) == found[0]["output_fields"]
    # A spreadsheet would carry it out.
    assert rows[-1]["acknowledged_reason"] == "'=cmd()"


async def test_an_export_of_nothing_is_well_formed(client: test_utils.TestClient[Any, Any]):
    assert json.loads(await (await client.get("/api/v1/export.json")).text()) == []
    assert len((await (await client.get("/api/v1/export.csv")).text()).splitlines()) == 1


async def test_exports_are_in_the_audit_log(client: test_utils.TestClient[Any, Any], kept: store.Store):
    await client.get("/api/v1/export.csv?rule=X")
    (entry,) = await kept.accounts.audit()
    assert (entry.who, entry.action, entry.detail["query"]) == ("token script", "export", "rule=X")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"matchers": {"rule": ["X"]}, "expires": "2200-01-01T00:00:00Z"}, "reason is needed"),
        ({"matchers": {"rule": ["X"]}, "reason": "x"}, "needs an end"),
        ({"matchers": {"rule": ["X"]}, "reason": "x", "expires": "2001-01-01T00:00:00Z"}, "in the future"),
        ({"matchers": {}, "reason": "x", "expires": "2200-01-01T00:00:00Z"}, "at least one"),
        ({"matchers": {"rule": "X"}, "reason": "x", "expires": "2200-01-01T00:00:00Z"}, "object of lists"),
        (
            {"matchers": {"proc.name": ["X"]}, "reason": "x", "expires": "2200-01-01T00:00:00Z"},
            "cannot ask for proc.name",
        ),
        ({"matchers": {"rule": ["X"]}, "reason": "x" * 1001, "expires": "2200-01-01T00:00:00Z"}, "more than 1000"),
        (["x"], "must be a JSON object"),
    ],
)
async def test_silences_that_cannot_be_meant(
    client: test_utils.TestClient[Any, Any], kept: store.Store, body: Any, says: str
):
    answer = await client.post("/api/v1/silences", json=body)
    assert answer.status == 400
    assert says in (await answer.json())["error"]
    assert await kept.silences.list() == []


async def test_the_audit_log_by_page(client: test_utils.TestClient[Any, Any], kept: store.Store):
    for number in range(5):
        await kept.accounts.log(f"user {number}", "login", {"by": "password"}, "192.0.2.1")
    first = await get(client, "audit?limit=3")
    assert [each["who"] for each in first["entries"]] == ["user 4", "user 3", "user 2"]
    second = await get(client, f"audit?limit=3&before={first['next']}")
    assert [each["who"] for each in second["entries"]] == ["user 1", "user 0"]
    assert second["next"] is None
    last = second["entries"][-1]
    assert (last["action"], last["detail"], last["address"]) == ("login", {"by": "password"}, "192.0.2.1")


async def test_dead_letters_by_page_and_by_number(client: test_utils.TestClient[Any, Any], kept: store.Store):
    await kept.add([examples.one(number, 60 - number, rule=f"Rule {number}") for number in range(1, 5)])
    await kept.dead_letters.add("chat", [1, 2, 3], "404 no channel", 2)
    await kept.dead_letters.add("mail", [4], "no mailbox", 1)
    first = await get(client, "sinks/chat/dead-letters?limit=2")
    assert [(each["rule"], each["reason"], each["retry"]) for each in first["letters"]] == [
        ("Rule 1", "404 no channel", False),
        ("Rule 2", "404 no channel", False),
    ]
    second = await get(client, f"sinks/chat/dead-letters?limit=2&after={first['next']}")
    assert ([each["rule"] for each in second["letters"]], second["next"]) == (["Rule 3"], None)
    ids = [each["id"] for each in first["letters"]]
    (other,) = await kept.dead_letters.list("mail")
    # Of another sink than the address names: not meant.
    answer = await client.post("/api/v1/sinks/chat/dead-letters/retry", json={"ids": [ids[0], other.id]})
    assert await answer.json() == {"marked": 1}
    assert (await get(client, "sinks/chat/dead-letters"))["letters"][0]["retry"] is True
    answer = await client.post("/api/v1/sinks/chat/dead-letters/drop", json={"ids": ids})
    assert await answer.json() == {"dropped": 2}
    assert await (await client.post("/api/v1/sinks/chat/dead-letters/drop")).json() == {"dropped": 1}
    assert await kept.dead_letters.count() == {"mail": 1}


@pytest.mark.parametrize("ids", [[], ["1"], [0], [True], [10**9], 1, list(range(1, 102))])
async def test_dead_letters_that_cannot_be_meant(client: test_utils.TestClient[Any, Any], kept: store.Store, ids: Any):
    await kept.add([examples.one(1)])
    await kept.dead_letters.add("chat", [1], "no", 1)
    for action in ("retry", "drop"):
        answer = await client.post(f"/api/v1/sinks/chat/dead-letters/{action}", json={"ids": ids})
        assert answer.status == 400
        assert "ids must be a list" in (await answer.json())["error"]
    assert await kept.dead_letters.count() == {"chat": 1}


async def test_the_login_page_learns_its_ways(client: test_utils.TestClient[Any, Any]):
    assert await get(client, "login") == {"password": True, "oidc": "Example ID"}
    answer = await client.get("/api/v1/me", headers={"Authorization": ""})
    assert await answer.json() is None


async def test_failed_logins_are_slowed_down(client: test_utils.TestClient[Any, Any]):
    statuses = []
    for _ in range(12):
        answer = await client.post(
            "/api/v1/login", json={"user": "ada", "password": "guess"}, headers={"Authorization": ""}
        )
        statuses.append(answer.status)
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(answer.headers["Retry-After"]) > 0


async def events(answer: Any) -> AsyncIterator[dict[str, Any]]:
    """Server-sent events, each with its id, and its kind if it has one."""
    event: dict[str, Any] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name in ("id", "event"):
            event[name] = value
        elif name == "data":
            yield event | json.loads(value)
            event = {}


async def test_the_stream_gives_what_fits_and_goes_on_where_it_broke_off(
    client: test_utils.TestClient[Any, Any], kept: store.Store
):
    await kept.add([examples.one(1, rule="Before")])
    async with client.get("/api/v1/stream?rule=Wanted") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        found = events(answer)
        assert await anext(found) == {"id": "1-0", "alerts": [], "more": 0}
        await kept.add([examples.one(2, rule="Other"), examples.one(3, rule="Wanted")])
        first = await anext(found)
        assert (first["id"], [each["rule"] for each in first["alerts"]]) == ("3-0", ["Wanted"])
    await kept.add([examples.one(4, rule="Wanted")])
    async with client.get("/api/v1/stream?rule=Wanted", headers={"Last-Event-ID": "3"}) as answer:
        found = events(answer)
        await anext(found)
        assert [each["seq"] for each in (await anext(found))["alerts"]] == [4]


async def test_the_stream_tells_what_people_say_of_any_alert(
    client: test_utils.TestClient[Any, Any], kept: store.Store
):
    made = examples.one(1, rule="Shell")
    await kept.add([made])
    page = await get(client, "alerts")
    acknowledge = f"/api/v1/alerts/{made.uuid}/acknowledge"
    # Said between the page and the stream.
    await client.post(acknowledge, json={"reason": "a drill"})
    async with client.get(f"/api/v1/stream?rule=Other&after={page['seq']}-{page['note']}") as answer:
        found = events(answer)
        await anext(found)
        said = await anext(found)
        assert (said["event"], said["silences"], list(said["acknowledged"])) == ("marks", False, [made.uuid])
        assert said["acknowledged"][made.uuid]["who"] == "token script"
        assert said["acknowledged"][made.uuid]["reason"] == "a drill"
        last = said["id"]
        # And while it runs.
        await client.delete(acknowledge)
        assert (await anext(found))["acknowledged"] == {made.uuid: None}
    matchers = {"rule": ["Shell"]}
    body = {"matchers": matchers, "reason": "known", "expires": "2200-01-01T00:00:00Z"}
    assert (await client.post("/api/v1/silences", json=body)).status == 201
    async with client.get("/api/v1/stream", headers={"Last-Event-ID": last}) as answer:
        found = events(answer)
        await anext(found)
        said = await anext(found)
        assert (said["acknowledged"], said["silences"]) == ({made.uuid: None}, True)
    (covering,) = (await get(client, f"alerts/{made.uuid}"))["silences"]
    assert (covering["who"], covering["reason"], covering["matchers"]) == ("token script", "known", matchers)
    assert (await kept.accounts.audit())[0].detail["matchers"] == "rule: Shell"


async def test_of_a_burst_the_stream_gives_the_newest_and_a_number(
    client: test_utils.TestClient[Any, Any], kept: store.Store
):
    async with client.get("/api/v1/stream") as answer:
        found = events(answer)
        await anext(found)
        await kept.add(list(examples.several(1500)))
        batch = await anext(found)
    assert [each["seq"] for each in batch["alerts"]] == list(range(1500, 1400, -1))
    assert batch["more"] == 1400


async def test_the_stream_ends_with_the_session(
    client: test_utils.TestClient[Any, Any], kept: store.Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "_QUIET_SECONDS", 0.05)
    user = records.User("ada", "viewer", passwords.hashed("correct horse battery"), 0)
    await kept.accounts.put_user(user)
    nobody = {"Authorization": ""}
    login = {"user": "ada", "password": "correct horse battery"}
    assert (await client.post("/api/v1/login", json=login, headers=nobody)).status == 200
    async with client.get("/api/v1/stream", headers=nobody) as answer:
        assert answer.status == 200
        # A change of the user ends its sessions.
        await kept.accounts.put_user(user)
        async with asyncio.timeout(20):
            await answer.content.read()


async def test_streams_end_with_the_hub_that_would_wait_for_them(client: test_utils.TestClient[Any, Any]):
    async with client.get("/api/v1/stream") as open_one:
        await open_one.content.readuntil(b"\n\n")
        assert isinstance(client.server, test_utils.TestServer)
        await client.server.app.shutdown()
        async with asyncio.timeout(20):
            assert await open_one.content.read() == b""
    # One that comes after that is over at once, too.
    async with client.get("/api/v1/stream") as late, asyncio.timeout(20):
        await late.content.read()

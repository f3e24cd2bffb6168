"""Logins, sessions, roles, CSRF, limits: over HTTP, as browsers and programs come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import CookieJar, test_utils, web

from falcon_hub.access import access, addresses, limits, passwords, people, roles
from falcon_hub.settings import model
from falcon_hub.store import store

ANNA, VIC = ("anna", "correct horse battery"), ("vic", "staples and clouds")
PROGRAM = "token-of-a-program"
Client = test_utils.TestClient[web.Request, web.Application]


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As strong as in use they would only make the tests slow; one test uses the real ones."""
    import argon2

    monkeypatch.setattr(passwords, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[store.Store]:
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as opened:
        await people.add(opened.accounts, ANNA[0], roles.ADMIN, ANNA[1], by="test")
        await people.add(opened.accounts, VIC[0], roles.VIEWER, VIC[1], by="test")
        yield opened


def application(kept: store.Store, wanted: model.Access, public_url: str = "") -> web.Application:
    """Paths that only say what `Access` says."""
    door = access.Access(kept.accounts, wanted, public_url)

    async def login(request: web.Request) -> web.Response:
        given = await request.json()
        response = web.Response()
        try:
            who = await door.login(request, response, given["user"], given["password"])
        except access.LoginRefused as error:
            return web.Response(status=401 if error.retry_after is None else 429, text=str(error))
        response.headers["X-CSRF"] = who.csrf
        return response

    async def logout(request: web.Request) -> web.Response:
        response = web.Response()
        await door.logout(request, response)
        return response

    async def see(request: web.Request) -> web.Response:
        return web.Response(text=(await door.require(request)).name)

    async def change(request: web.Request) -> web.Response:
        return web.Response(text=(await door.require(request, roles.ADMIN)).name)

    made = web.Application()
    made.router.add_post("/login", login)
    made.router.add_post("/logout", logout)
    made.router.add_get("/see", see)
    made.router.add_post("/change", change)
    return made


@pytest.fixture
async def client(kept: store.Store) -> AsyncIterator[Client]:
    token = [{"name": "grafana", "token": PROGRAM}, {"name": "robot", "token": PROGRAM + "-admin", "role": "admin"}]
    wanted = model.Access.model_validate({"reader_tokens": token, "attempts_per_minute": 3})
    server = test_utils.TestServer(application(kept, wanted))
    async with test_utils.TestClient(server, cookie_jar=CookieJar(unsafe=True)) as opened:
        yield opened


async def login(client: Client, who: tuple[str, str], **headers: str) -> str:
    async with client.post("/login", json={"user": who[0], "password": who[1]}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return answer.headers["X-CSRF"]


async def status(client: Client, method: str, path: str, **headers: str) -> int:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    async with client.request(method, path, headers=given) as answer:
        return answer.status


async def test_nobody_sees_anything_before_the_login_and_after_the_logout(client: Client):
    assert await status(client, "GET", "/see") == 401
    await login(client, VIC)
    assert await status(client, "GET", "/see") == 200
    cookie = {cookie.key: cookie.value for cookie in client.session.cookie_jar}
    await status(client, "POST", "/logout")
    assert await status(client, "GET", "/see") == 401
    # Also for who kept the cookie.
    assert await status(client, "GET", "/see", Cookie=f"falcon-hub={cookie['falcon-hub']}") == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Client, kept: store.Store):
    async with client.post("/login", json={"user": VIC[0], "password": VIC[1]}) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    behind = test_utils.TestServer(application(kept, model.Access(), "https://hub.example.com"))
    async with test_utils.TestClient(behind) as other:
        headers = {"Origin": "https://hub.example.com"}
        async with other.post("/login", json={"user": VIC[0], "password": VIC[1]}, headers=headers) as answer:
            cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-falcon-hub=")
    assert "Secure" in cookie


async def test_a_viewer_changes_nothing_an_admin_may_with_the_csrf_token(client: Client):
    csrf = await login(client, VIC)
    assert await status(client, "POST", "/change", X_CSRF_Token=csrf) == 403
    csrf = await login(client, ANNA)
    assert await status(client, "POST", "/change", X_CSRF_Token=csrf) == 200
    assert await status(client, "POST", "/change") == 403
    assert await status(client, "POST", "/change", X_CSRF_Token="x" + csrf) == 403
    assert await status(client, "POST", "/change", X_CSRF_Token=csrf, Origin="https://evil.example") == 403
    assert await status(client, "POST", "/change", X_CSRF_Token=csrf, Sec_Fetch_Site="cross-site") == 403


async def test_programs_come_with_a_token(client: Client):
    assert await status(client, "GET", "/see", Authorization=f"Bearer {PROGRAM}") == 200
    assert await status(client, "GET", "/see", Authorization=f"Bearer {PROGRAM}x") == 401
    assert await status(client, "POST", "/change", Authorization=f"Bearer {PROGRAM}") == 403
    assert await status(client, "POST", "/change", Authorization=f"Bearer {PROGRAM}-admin") == 200


async def test_a_session_ends_by_itself(kept: store.Store):
    server = test_utils.TestServer(application(kept, model.Access(session_hours=1e-7)))
    async with test_utils.TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.post("/login", json={"user": VIC[0], "password": VIC[1]}) as answer:
            cookie = answer.cookies["falcon-hub"].value
        assert await status(client, "GET", "/see", Cookie=f"falcon-hub={cookie}") == 401


async def test_whoever_is_disabled_or_changed_is_out_at_once(client: Client, kept: store.Store):
    await login(client, VIC)
    await people.change(kept.accounts, VIC[0], by="test", disabled=True)
    assert await status(client, "GET", "/see") == 401
    async with client.post("/login", json={"user": VIC[0], "password": VIC[1]}) as answer:
        assert answer.status == 401


async def test_guessing_is_slowed_down_and_is_in_the_audit_log(client: Client, kept: store.Store):
    statuses = []
    for _ in range(5):
        async with client.post("/login", json={"user": "anna", "password": "a guess of somebody"}) as answer:
            statuses.append(answer.status)
            text = await answer.text()
    assert statuses == [401, 401, 401, 429, 429]
    assert "try again in" in text
    # The right one does not get in either: otherwise guessing would go on.
    async with client.post("/login", json={"user": "anna", "password": ANNA[1]}) as answer:
        assert answer.status == 429
    refused = [each for each in await kept.accounts.audit() if each.action == "login refused"]
    assert {(each.who, each.address) for each in refused} == {("anna", "127.0.0.1")}


async def test_a_login_from_another_sites_page_is_refused(client: Client):
    headers = {"Origin": "https://evil.example"}
    async with client.post("/login", json={"user": VIC[0], "password": VIC[1]}, headers=headers) as answer:
        assert answer.status == 401


def test_failures_drain_with_time():
    now = [0.0]
    found = limits.Failures(per_minute=6, clock=lambda: now[0])
    for _ in range(6):
        assert found.wait("a") == 0
        found.failed("a")
    assert found.wait("a") == pytest.approx(10)
    assert found.wait("b") == 0
    now[0] += 10
    assert found.wait("a") == pytest.approx(0)


async def test_passwords_are_hashed_and_names_that_do_not_exist_do_not_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    hashed = passwords.hashed("a password of mine")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    verifier = passwords.Verifier()
    assert await verifier.matches(hashed, "a password of mine")
    assert not await verifier.matches(hashed, "a password of yours")
    assert not await verifier.matches(None, "a password of mine")
    assert not await verifier.matches("no hash", "a password of mine")


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_weak_passwords_are_refused(password: str):
    with pytest.raises(passwords.Weak):
        passwords.hashed(password)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "x" * 300, "<script>"])
async def test_names_that_are_none_are_refused(kept: store.Store, name: str):
    with pytest.raises(people.BadUser):
        await people.add(kept.accounts, name, roles.VIEWER, "long enough password", by="test")


def test_a_readers_token_that_could_be_guessed_is_refused(kept: store.Store):
    wanted = model.Access.model_validate({"reader_tokens": [{"name": "x", "token": "short"}]})
    with pytest.raises(ValueError, match="needs 16 characters"):
        access.Access(kept.accounts, wanted)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (None, "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("", "127.0.0.1"),
    ],
)
def test_only_what_trusted_proxies_wrote_is_believed(forwarded: str | None, client: str):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    transport = type("T", (), {"get_extra_info": lambda self, name, default=None: ("127.0.0.1", 1)})()
    request = test_utils.make_mocked_request("GET", "/", headers=headers, transport=transport)
    assert addresses.Addresses(["127.0.0.0/8", "10.0.0.0/8"], "").client(request) == client
    assert addresses.Addresses([], "").client(request) == "127.0.0.1"

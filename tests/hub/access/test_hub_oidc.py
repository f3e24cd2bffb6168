"""Login by OpenID Connect, against a stand-in provider on loopback (support/provider.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import CookieJar, test_utils, web
from joserfc import jwk
from tests.hub.support import provider as providers

from falcon_hub.access import access, oidc, roles
from falcon_hub.settings import model
from falcon_hub.store import store

Client = test_utils.TestClient[web.Request, web.Application]


@pytest.fixture
async def provider() -> AsyncIterator[providers.Provider]:
    found = providers.Provider()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def client(provider: providers.Provider, tmp_path: Path, said: list[str]) -> AsyncIterator[Client]:
    wanted = model.Oidc.model_validate(
        {
            "issuer": provider.issuer,
            "client_id": providers.CLIENT,
            "client_secret": providers.SECRET,
            "admins": ["security"],
            "viewers": ["ops"],
        }
    )
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as kept:
        door = access.Access(kept.accounts, model.Access())

        async def see(request: web.Request) -> web.Response:
            who = await door.require(request)
            return web.json_response([who.name, who.role])

        application = web.Application()
        application.router.add_get("/see", see)
        oidc.Oidc(door, wanted, said.append).add(application)
        server = test_utils.TestServer(application)
        async with test_utils.TestClient(server, cookie_jar=CookieJar(unsafe=True)) as opened:
            yield opened


async def login(client: Client, following: str = "/see") -> tuple[int, str]:
    async with client.get(oidc.LOGIN, params={"next": following}) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("groups", "role"), [(["ops"], "viewer"), (["ops", "security"], "admin"), ("security", "admin")]
)
async def test_groups_give_the_role(client: Client, provider: providers.Provider, groups: Any, role: str):
    provider.person["groups"] = groups
    assert await login(client) == (200, f'["anna@example.com", "{role}"]')


async def test_groups_that_only_the_userinfo_tells_count(client: Client, provider: providers.Provider):
    del provider.person["groups"]
    provider.info = {"sub": "1", "groups": ["security"], "email": "somebody.else@example.com"}
    assert await login(client) == (200, '["anna@example.com", "admin"]')


async def test_userinfo_about_somebody_else_is_refused(client: Client, provider: providers.Provider, said: list[str]):
    del provider.person["groups"]
    provider.info = {"sub": "2", "groups": ["security"]}
    assert (await login(client))[0] == 502
    assert "about somebody else" in said[0]


@pytest.mark.parametrize(
    "person",
    [
        {"sub": "1", "email": "anna@example.com", "groups": ["guests"]},
        {"sub": "1", "email": "anna@example.com", "groups": [], "email_verified": True},
        {"sub": "1", "groups": ["ops"]},
        {"sub": "1", "email": "anna@example.com", "email_verified": False, "groups": ["ops"]},
    ],
)
async def test_who_may_not_look_does_not_get_in(client: Client, provider: providers.Provider, person: dict[str, Any]):
    provider.person, provider.info = person, {"sub": "1"}
    assert (await login(client))[0] == 403


def _change(**members: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(claims: dict[str, Any]) -> None:
        claims.update(members)
        for name in [name for name, value in members.items() if value is None]:
            del claims[name]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        _change(iss="https://elsewhere.example"),
        _change(aud="another-client"),
        _change(aud=["falcon", "another-client"]),
        _change(aud=["falcon", "another-client"], azp="another-client"),
        _change(exp=1_000_000_000),
        _change(exp=None),
        _change(nonce="another"),
        _change(nonce=None),
        _change(sub=None),
    ],
)
async def test_a_token_that_is_not_for_this_login_is_refused(client: Client, provider: providers.Provider, spoil):
    provider.spoil = spoil
    assert (await login(client))[0] == 502
    assert (await client.get("/see")).status == 401


async def test_a_token_signed_by_somebody_else_is_refused(client: Client, provider: providers.Provider):
    provider.sign_with = jwk.RSAKey.generate_key(2048, {"kid": "first"})
    assert (await login(client))[0] == 502


async def test_a_token_signed_with_a_secret_is_refused(client: Client, provider: providers.Provider):
    provider.sign_with = jwk.OctKey.import_key("a-secret-of-32-characters-or-more", {"kid": "first"})
    provider.algorithm = "HS256"
    assert (await login(client))[0] == 502


async def test_a_providers_new_key_is_found(client: Client, provider: providers.Provider, monkeypatch):
    monkeypatch.setattr("falcon_hub.access.provider._AGAIN_SECONDS", 0.0)
    assert (await login(client))[0] == 200
    provider.key = jwk.RSAKey.generate_key(2048, {"kid": "second"})
    assert (await login(client))[0] == 200


async def test_an_answer_in_another_browser_than_the_one_that_asked_is_refused(client: Client):
    async with client.get(oidc.LOGIN, allow_redirects=False) as answer:
        where = answer.headers["Location"]
    async with client.session.get(where, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    client.session.cookie_jar.clear()
    async with client.session.get(back) as answer:
        assert answer.status == 400
    async with client.get(oidc.CALLBACK, params={"code": "x", "state": "y"}) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("following", ["https://evil.example/", "//evil.example/", "/\\evil.example", "see", "/a\nb"])
async def test_a_login_leads_nowhere_else(client: Client, following: str):
    async with client.get(oidc.LOGIN, params={"next": following}, allow_redirects=False) as answer:
        where = answer.headers["Location"]
    async with client.session.get(where, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    async with client.session.get(back, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/")


async def test_a_provider_that_is_away_is_said(client: Client, provider: providers.Provider, said: list[str]):
    await provider.stop()
    assert (await login(client))[0] == 502
    assert providers.SECRET not in "".join(said)


def test_everybody_may_look_where_settings_say_so():
    wanted = model.Oidc(viewers=["*"], admins=["security"])
    assert oidc.role_of({}, wanted) == roles.VIEWER
    assert oidc.role_of({"groups": ["security"]}, wanted) == roles.ADMIN
    assert oidc.role_of({"groups": 5}, wanted) == roles.VIEWER
    assert oidc.role_of({}, model.Oidc()) is None

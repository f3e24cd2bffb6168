"""Certificates over the years, with a clock that the test moves and a real API server's Secrets."""

from __future__ import annotations

import base64
import datetime

import pytest
from tests.operator.support.world import World

from falcon_operator.app import certificates, rotation
from falcon_operator.clients import errors, kinds

START = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


class Years:
    """A rotation, what it published, and the time."""

    def __init__(
        self, world: World, manage: bool = True, leads: bool = True, hub: rotation.HubPlaces | None = None
    ) -> None:
        self.world = world
        self.now = START
        self.published: list[rotation.Material] = []
        places = rotation.Places(
            namespace=world.namespace,
            ca="falcon-ca",
            sensor="falcon-tls",
            admission="falcon-admission",
            webhook="",
            sensor_names=("falcon-sensor",),
            admission_names=("falcon-operator.falcon.svc",),
            hub=hub,
        )
        self.rotation = rotation.Rotation(
            world.api, places, manage, lambda: leads, self.published.append, lambda: self.now
        )

    async def after(self, days: float) -> dict[str, dict[str, str]]:
        """The Secrets' texts when so many more days have passed."""
        self.now += datetime.timedelta(days=days)
        await self.rotation.turn()
        return {suffix: await self.texts(suffix) for suffix in ("ca", "tls", "admission")}

    async def texts(self, suffix: str) -> dict[str, str]:
        data = await self.world.secret(suffix)
        return {key: base64.b64decode(value).decode() for key, value in data.items()}


@pytest.fixture
def years(world):
    return Years(world)


async def test_everything_is_made_once(years):
    first = await years.after(0)
    assert await years.after(1) == first
    assert len(years.published) == 1
    assert first["tls"].keys() == first["admission"].keys() == {"tls.crt", "tls.key", "ca.crt"}
    assert first["ca"].keys() == {"ca.crt", "ca.key"}


async def test_what_sensors_mount_holds_no_key_of_the_ca(years):
    secrets = await years.after(0)
    assert secrets["ca"]["ca.key"] not in secrets["tls"].values()
    assert secrets["admission"]["tls.key"] not in secrets["tls"].values()


async def test_serving_certificates_are_renewed_before_they_end(years):
    first = await years.after(0)
    second = await years.after(61)
    assert second["ca"] == first["ca"]
    for each in ("tls", "admission"):
        assert second[each]["tls.crt"] != first[each]["tls.crt"]
        assert certificates.expiry(first[each]["tls.crt"]) > years.now


async def test_a_new_ca_is_trusted_beside_the_old_one_until_that_ends(years):
    first = await years.after(0)
    second = await years.after(250)
    assert second["ca"]["ca.key"] != first["ca"]["ca.key"]
    assert first["ca"]["ca.crt"] in second["tls"]["ca.crt"]
    assert second["tls"]["ca.crt"].count("BEGIN") == 2
    assert certificates.fits(second["tls"]["tls.crt"], second["ca"]["ca.crt"], ["falcon-sensor"])
    third = await years.after(120)
    assert first["ca"]["ca.crt"] not in third["tls"]["ca.crt"]


async def test_no_certificate_is_ever_near_its_end(years):
    for _ in range(40):
        secrets = await years.after(10)
        for each in ("tls", "admission"):
            left = certificates.expiry(secrets[each]["tls.crt"]) - years.now
            assert left > datetime.timedelta(days=18)


async def test_a_replica_that_does_not_lead_makes_nothing(world):
    years = Years(world, leads=False)
    assert not await years.rotation.turn()
    assert await world.secret("ca") == {}


async def test_what_somebody_else_manages_is_only_read(world):
    ca = certificates.authority(START)
    pair = certificates.issue(ca, ["falcon-operator.falcon.svc"], START)
    texts = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": ca.certificate}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
    for suffix in ("tls", "admission"):
        await world.api.patch(kinds.SECRET, f"falcon-{suffix}", {"data": data}, world.namespace)
    years = Years(world, manage=False)
    assert await years.rotation.turn()
    assert years.published == [rotation.Material(ca.certificate, pair)]
    assert await world.secret("ca") == {}


async def test_a_secret_that_is_missing_is_an_error_that_names_it(world):
    await world.api.delete(kinds.SECRET, "falcon-ca", world.namespace)
    with pytest.raises(errors.NotFound, match="falcon-ca"):
        await Years(world).rotation.turn()


HUB = rotation.HubPlaces("falcon-hub-tls", "falcon-hub-token", ("falcon-hub.falcon.svc", "localhost"))


@pytest.fixture
async def hub_secrets(world):
    for name in (HUB.tls, HUB.token):
        await world.make(kinds.SECRET, {"metadata": {"name": name}}, world.namespace)


async def test_the_hub_gets_a_certificate_of_the_same_ca_and_a_token(world, hub_secrets):
    years = Years(world, hub=HUB)
    secrets = await years.after(0)
    tls, token = await years.texts("hub-tls"), await years.texts("hub-token")
    assert tls["ca.crt"] == secrets["ca"]["ca.crt"]
    assert certificates.fits(tls["tls.crt"], tls["ca.crt"], HUB.names)
    # It goes to sensors: nothing else may be with it.
    assert token.keys() == {"token"}
    assert len(token["token"]) >= 32


async def test_the_hubs_certificate_is_renewed_and_its_token_stays(world, hub_secrets):
    years = Years(world, hub=HUB)
    await years.after(0)
    tls, token = await years.texts("hub-tls"), await years.texts("hub-token")
    await years.after(61)
    assert (await years.texts("hub-tls"))["tls.crt"] != tls["tls.crt"]
    assert await years.texts("hub-token") == token


async def test_a_token_that_was_removed_is_made_anew(world, hub_secrets):
    years = Years(world, hub=HUB)
    await years.after(0)
    first = await years.texts("hub-token")
    await world.api.patch(kinds.SECRET, HUB.token, {"data": {"token": None}}, world.namespace)
    await years.after(0)
    assert (await years.texts("hub-token"))["token"] not in ("", first["token"])


async def test_the_hubs_token_is_ours_where_somebody_else_makes_certificates(world, hub_secrets):
    years = Years(world, manage=False, hub=HUB)
    await years.rotation.turn()
    assert (await years.texts("hub-token"))["token"]
    assert await years.texts("hub-tls") == {}


async def test_a_token_that_somebody_else_gives_is_left_to_him(world, hub_secrets):
    years = Years(world, hub=rotation.HubPlaces(HUB.tls, "", HUB.names))
    await years.after(0)
    assert await years.texts("hub-token") == {}

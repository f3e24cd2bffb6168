"""HTTPS to a sensor: who is believed, what is shown, and what its refusals mean."""

from __future__ import annotations

import datetime

import pytest
from tests.operator.support.sensor import TOKEN, StandInSensor

from falcon_operator.app import certificates
from falcon_operator.clients.sensors import Sensors
from falcon_operator.reconcile.reports import Failure, PushError
from falcon_rules import bundle, wire

NOW = datetime.datetime.now(datetime.UTC)


def packed(revision: int) -> tuple[bytes, str]:
    data = wire.dumps(bundle.Bundle((), revision))
    return wire.pack(data), f"sha256:{wire.digest(data)}"


@pytest.fixture(scope="module")
def ca():
    return certificates.authority(NOW)


@pytest.fixture
async def sensor(ca):
    started = StandInSensor("n1")
    await started.start(certificates.issue(ca, ["falcon-sensor"], NOW))
    yield started
    await started.stop()


@pytest.fixture
async def sensors(ca, sensor, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    made = Sensors(sensor.port, "falcon-sensor", token, push_timeout=5.0)
    made.trust(ca.certificate)
    made.locate("n1", "127.0.0.1")
    yield made
    await made.close()


async def failure(request) -> PushError:
    with pytest.raises(PushError) as caught:
        await request
    return caught.value


async def test_a_bundle_is_in_force_when_the_push_returns(sensors, sensor):
    body, digest = packed(7)
    report = await sensors.push("n1", body, digest)
    assert (report.digest, report.revision) == (digest, 7)
    assert sensor.in_force.revision == 7


async def test_what_the_sensor_says_of_itself_is_read(sensors, sensor):
    sensor.rule_errors = [{"uid": "team/x", "reason": "too many instructions"}]
    report = await sensors.ask("n1")
    assert (report.backend, report.kernel, report.drops) == ("stand-in", "6.1.0", 0)
    assert [(each.uid, each.reason) for each in report.rule_errors] == [("team/x", "too many instructions")]


async def test_a_sensor_with_a_certificate_of_another_ca_gets_no_token(sensors, sensor):
    sensors.trust(certificates.authority(NOW).certificate)
    error = await failure(sensors.push("n1", *packed(1)))
    assert error.failure is Failure.UNREACHABLE
    assert "certificate" in str(error)
    assert sensor.pushes == []


async def test_a_certificate_for_another_name_is_not_believed(ca, sensors, sensor):
    await sensor.stop()
    await sensor.start(certificates.issue(ca, ["127.0.0.1"], NOW))
    assert (await failure(sensors.ask("n1"))).failure is Failure.UNREACHABLE


async def test_the_token_is_read_for_every_request(sensors, sensor, tmp_path):
    sensor.token = "rotated"
    assert (await failure(sensors.ask("n1"))).failure is Failure.UNAUTHORIZED
    (tmp_path / "token").write_text("rotated")
    await sensors.ask("n1")


async def test_a_missing_token_is_told_as_such(sensors, tmp_path):
    (tmp_path / "token").unlink()
    error = await failure(sensors.ask("n1"))
    assert error.failure is Failure.UNAUTHORIZED
    assert "token" in str(error)


async def test_an_older_revision_is_refused_with_the_one_in_force(sensors):
    await sensors.push("n1", *packed(9))
    error = await failure(sensors.push("n1", *packed(8)))
    assert (error.failure, error.revision) == (Failure.OUTDATED_REVISION, 9)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, Failure.REFUSED),
        (413, Failure.REFUSED),
        (403, Failure.UNAUTHORIZED),
        (426, Failure.UNSUPPORTED_FORMAT),
        (505, Failure.UNSUPPORTED_FORMAT),
        (503, Failure.UNREACHABLE),
    ],
)
async def test_refusals_have_meanings(sensors, sensor, status, meaning):
    sensor.refuse = status
    error = await failure(sensors.push("n1", *packed(1)))
    assert error.failure is meaning
    assert "this stand-in refuses" in str(error)


async def test_a_slow_sensor_is_given_up(sensors, sensor):
    sensor.seconds = 60.0
    sensors._push_timeout = 0.2
    assert "within 0.2 s" in str(await failure(sensors.push("n1", *packed(1))))


async def test_a_node_without_a_pod_is_out_of_reach(sensors):
    assert sensors.locate("n1", None)
    assert (await failure(sensors.ask("n1"))).failure is Failure.UNREACHABLE


async def test_without_a_ca_nobody_is_spoken_to(tmp_path):
    made = Sensors(1, "falcon-sensor", tmp_path / "token", 1.0)
    made.locate("n1", "127.0.0.1")
    assert "no CA yet" in str(await failure(made.ask("n1")))

"""Who may push. The reviewer here is a stand-in for the API server; tests/sensor/cluster asks a real one."""

from __future__ import annotations

import base64
import json

import pytest

from falcon_sensor.api import tokens
from falcon_sensor.api.refusals import Reason, Refusal
from falcon_sensor.clients import kube

ACCOUNT, AUDIENCE = "system:serviceaccount:falcon:falcon-operator", "falcon-sensor"
NOW = 1_000_000.0


def token(sub: object = ACCOUNT, aud: object = (AUDIENCE,), exp: object = NOW + 600, **more: object) -> str:
    """With the form of a token, signed by nobody."""
    parts = ({"alg": "RS256"}, {"sub": sub, "aud": aud, "exp": exp, **more})
    text = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*text, "c2lnbmF0dXJl"])


class Reviewer:
    """Stands in for the API server: says the same of every token."""

    def __init__(self):
        self.review: kube.Review | Exception = kube.Review(True, ACCOUNT, (AUDIENCE,))
        self.asked: list[str] = []

    async def review_token(self, token, audiences):
        self.asked.append(token)
        assert tuple(audiences) == (AUDIENCE,)
        if isinstance(self.review, Exception):
            raise self.review
        return self.review


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def reviewer():
    return Reviewer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authority(reviewer, clock):
    return tokens.Tokens(reviewer, ACCOUNT, AUDIENCE, clock)


async def refused(authority, header) -> tuple[int, Reason]:
    with pytest.raises(Refusal) as caught:
        await authority.check(header)
    return caught.value.status, caught.value.reason


async def test_the_operators_token_is_reviewed_once_a_minute(authority, reviewer, clock):
    for _ in range(5):
        await authority.check(f"Bearer {token()}")
    assert len(reviewer.asked) == 1
    clock.now += tokens.REMEMBERED_SECONDS + 1
    await authority.check(f"bearer {token()}")
    assert len(reviewer.asked) == 2


async def test_a_token_is_not_remembered_beyond_its_life(authority, reviewer, clock):
    short = f"Bearer {token(exp=NOW + 10)}"
    await authority.check(short)
    clock.now += 11
    assert await refused(authority, short) == (401, Reason.EXPIRED_TOKEN)


async def test_what_was_refused_is_not_remembered(authority, reviewer):
    reviewer.review = kube.Review(False, error="revoked")
    assert await refused(authority, f"Bearer {token()}") == (401, Reason.INVALID_TOKEN)
    reviewer.review = kube.Review(True, ACCOUNT, (AUDIENCE,))
    await authority.check(f"Bearer {token()}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic Zm9vOmJhcg==", token()])
async def test_no_token(authority, reviewer, header):
    assert await refused(authority, header) == (401, Reason.NO_TOKEN)
    assert reviewer.asked == []


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"aud": ["https://kubernetes.default.svc"]}, 403, Reason.WRONG_AUDIENCE),
        ({"aud": "other"}, 403, Reason.WRONG_AUDIENCE),
        ({"sub": "system:serviceaccount:other:falcon-operator"}, 403, Reason.WRONG_ACCOUNT),
        ({"exp": NOW - 1}, 401, Reason.EXPIRED_TOKEN),
    ],
)
async def test_a_token_that_does_not_even_claim_to_be_the_operators_costs_no_review(
    authority, reviewer, claims, status, reason
):
    assert await refused(authority, f"Bearer {token(**claims)}") == (status, reason)
    assert reviewer.asked == []


@pytest.mark.parametrize(
    ("review", "status", "reason"),
    [
        (kube.Review(False, ACCOUNT, (AUDIENCE,), "signature"), 401, Reason.INVALID_TOKEN),
        (kube.Review(True, "system:serviceaccount:falcon:other", (AUDIENCE,)), 403, Reason.WRONG_ACCOUNT),
        (kube.Review(True, "admin", (AUDIENCE,)), 403, Reason.WRONG_ACCOUNT),
        (kube.Review(True, ACCOUNT, ()), 403, Reason.WRONG_AUDIENCE),
        (kube.Review(True, ACCOUNT, ("other",)), 403, Reason.WRONG_AUDIENCE),
        (kube.Unreachable("gone"), 503, Reason.NOT_REVIEWED),
        (kube.ApiError(403, "Forbidden", "tokenreviews"), 503, Reason.NOT_REVIEWED),
    ],
)
async def test_only_the_review_counts_whatever_the_token_claims(authority, reviewer, review, status, reason):
    reviewer.review = review
    assert await refused(authority, f"Bearer {token()}") == (status, reason)


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "e30.e30.e30", "e30.W10.e30", "x" * 20_000, "tökén"])
async def test_any_other_text_is_reviewed_or_refused_but_never_trips_us(authority, reviewer, text):
    reviewer.review = kube.Review(False)
    assert await refused(authority, f"Bearer {text}") == (401, Reason.INVALID_TOKEN)


async def test_a_flood_of_forged_tokens_is_not_passed_on_to_the_api_server(authority, reviewer, clock):
    reviewer.review = kube.Review(False)
    answers = [await refused(authority, f"Bearer {token(jti=number)}") for number in range(100)]
    assert answers.count((503, Reason.NOT_REVIEWED)) == 80
    assert len(reviewer.asked) == 20
    reviewer.review = kube.Review(True, ACCOUNT, (AUDIENCE,))
    clock.now += 1
    await authority.check(f"Bearer {token()}")

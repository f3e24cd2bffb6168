"""Who may push: one service account, shown by a token for this audience, believed by the API server alone.

    header -> token -> (claims look right?) -> remembered? -> TokenReview -> account pinned

What the token claims is read before it is reviewed, unverified, only ever to refuse: a token that
does not even claim to be the operator's costs the API server nothing, and the refusal can say
whether audience, account or age is wrong, which a review does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from falcon_sensor.api.refusals import Reason, Refusal
from falcon_sensor.clients import kube

REMEMBERED_SECONDS: Final = 60.0
"""For so long a token that was good is not reviewed again: how late a revoked one is noticed."""

_REMEMBERED: Final = 64
_REVIEWS_PER_SECOND: Final = 5.0
_REVIEWS_AT_ONCE: Final = 20.0
"""Forged claims cost the sender nothing, so reviews are limited; the operator needs one a minute."""

_LONGEST: Final = 16 << 10
"""Bytes of a token. Kubernetes's own have one to two KiB."""


class Reviewer(Protocol):
    """What is needed of `clients.kube.Api`."""

    async def review_token(self, token: str, audiences: Sequence[str]) -> kube.Review: ...


@dataclass(frozen=True, slots=True)
class Claims:
    """Of a token's second part; None and empty for what it does not say."""

    subject: str | None = None
    audiences: tuple[str, ...] | None = None
    expires: float | None = None


def claims(token: str) -> Claims:
    """What a JSON web token says of itself, unverified; nothing for any other text."""
    parts = token.split(".")
    try:
        if len(parts) != 3:
            return Claims()
        payload: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        audience = payload.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience
        return Claims(
            subject=payload["sub"] if isinstance(payload.get("sub"), str) else None,
            audiences=tuple(map(str, audiences)) if isinstance(audiences, list) else None,
            expires=float(payload["exp"]) if isinstance(payload.get("exp"), int | float) else None,
        )
    except (ValueError, AttributeError, RecursionError):
        return Claims()


class Tokens:
    """account: ``system:serviceaccount:NAMESPACE:NAME``. now: unix seconds."""

    def __init__(self, reviewer: Reviewer, account: str, audience: str, now: Callable[[], float] = time.time) -> None:
        self._reviewer = reviewer
        self._account = account
        self._audience = audience
        self._now = now
        self._good: dict[bytes, float] = {}
        self._allowance = _REVIEWS_AT_ONCE
        self._counted = now()

    async def check(self, authorization: str | None) -> None:
        """Returns if the header shows the operator's token; raises Refusal otherwise."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, Reason.NO_TOKEN, "show the operator's token: Authorization: Bearer TOKEN")
        if len(token) > _LONGEST or not token.isascii():
            raise Refusal(401, Reason.INVALID_TOKEN, "this is no token")
        claimed = claims(token)
        self._refuse_by(claimed)
        key = hashlib.sha256(token.encode()).digest()
        now = self._now()
        if self._good.get(key, 0.0) > now:
            return
        self._verify(await self._review(token))
        self._remember(key, now, claimed)

    def _refuse_by(self, claimed: Claims) -> None:
        if claimed.expires is not None and claimed.expires <= self._now():
            raise Refusal(401, Reason.EXPIRED_TOKEN, "the token has expired")
        if claimed.audiences is not None and self._audience not in claimed.audiences:
            raise Refusal(403, Reason.WRONG_AUDIENCE, f"the token is not meant for the audience {self._audience}")
        if claimed.subject is not None and claimed.subject != self._account:
            raise Refusal(403, Reason.WRONG_ACCOUNT, f"only {self._account} may do this")

    async def _review(self, token: str) -> kube.Review:
        now = self._now()
        self._allowance = min(_REVIEWS_AT_ONCE, self._allowance + max(0.0, now - self._counted) * _REVIEWS_PER_SECOND)
        self._counted = now
        if self._allowance < 1.0:
            raise Refusal(503, Reason.NOT_REVIEWED, "too many tokens to review; try again later")
        self._allowance -= 1.0
        try:
            return await self._reviewer.review_token(token, (self._audience,))
        except (kube.ApiError, kube.Unreachable) as error:
            raise Refusal(503, Reason.NOT_REVIEWED, f"the token could not be reviewed: {error}") from None

    def _verify(self, review: kube.Review) -> None:
        if not review.authenticated:
            raise Refusal(401, Reason.INVALID_TOKEN, f"the token is not valid: {review.error or 'no reason given'}")
        # A server that knows no audiences says nothing of them and vouches only for itself.
        if self._audience not in review.audiences:
            raise Refusal(403, Reason.WRONG_AUDIENCE, f"the token is not meant for the audience {self._audience}")
        if review.username != self._account:
            raise Refusal(403, Reason.WRONG_ACCOUNT, f"only {self._account} may do this")

    def _remember(self, key: bytes, now: float, claimed: Claims) -> None:
        self._good = {each: until for each, until in self._good.items() if until > now}
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good[key] = min(now + REMEMBERED_SECONDS, claimed.expires if claimed.expires is not None else now)

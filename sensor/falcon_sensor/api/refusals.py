"""Why a request is refused, in one shape: raised anywhere below a handler, counted and answered in one place."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum


class Reason(StrEnum):
    """Values of the label `reason` of `falcon_sensor_api_refusals_total`."""

    PLAIN_HTTP = "plain_http"
    TLS = "tls"
    NO_TOKEN = "no_token"
    INVALID_TOKEN = "invalid_token"
    EXPIRED_TOKEN = "expired_token"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ACCOUNT = "wrong_account"
    NOT_REVIEWED = "not_reviewed"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    WRONG_DIGEST = "wrong_digest"
    FORMAT = "format"
    OUTDATED = "outdated"
    NOT_LOADED = "not_loaded"
    NOT_FOUND = "not_found"


class Refusal(Exception):
    """status: HTTP's. revision: the one in force or on its way, where that is the reason."""

    def __init__(self, status: int, reason: Reason, text: str, revision: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.revision = revision

    def answer(self) -> dict[str, object]:
        """The JSON body."""
        found: dict[str, object] = {"error": str(self), "reason": str(self.reason)}
        if self.revision is not None:
            found["revision"] = self.revision
        return found


class Refusals(Counter[Reason]):
    """How many so far, by reason."""

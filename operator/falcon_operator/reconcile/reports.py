"""What sensors say, and what is known of each: between clients, `rollout`, `bundles` and `status`.

Times are seconds since the epoch (UTC), because they end up in statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that a sensor could not take, by its uid in the bundle, and why."""

    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a sensor answered, to a push or to the question how it is. digest: ``sha256:<hex>`` of the
    bundle in force, "" for none; revision: its revision."""

    digest: str
    revision: int
    rule_errors: tuple[RuleError, ...] = ()
    backend: str = ""
    kernel: str = ""
    version: str = ""
    drops: int | None = None


class Failure(StrEnum):
    """Why a push did not succeed; a metric's label and a status' reason."""

    UNREACHABLE = "Unreachable"
    """no connection, TLS failure, timeout, 5xx"""
    UNAUTHORIZED = "Unauthorized"
    """401 or 403"""
    REFUSED = "Refused"
    """400, 413: this sensor will not take this bundle however often it is sent"""
    OUTDATED_REVISION = "OutdatedRevision"
    """409: the sensor has a newer revision in force, see `PushError.revision`"""
    UNSUPPORTED_FORMAT = "UnsupportedFormat"
    """426, 505: the sensor is of an older release"""


class PushError(Exception):
    """A push that was not acknowledged. revision: what the sensor said it has in force, with 409."""

    def __init__(self, failure: Failure, message: str, revision: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.revision = revision


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last attempt failed, and how many failed in a row."""

    failure: Failure
    message: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class NodeReport:
    """All that is known of one node's sensor.

    wanted: digest of the package it should have. loaded: of the one it said it has in force.
    rule_hashes: what `loaded` holds, rule uid -> hash, if that package is still known.
    last_contact: when it answered last, None for never. trouble: None after a success.
    """

    node: str
    wanted: str = ""
    report: Report | None = None
    rule_hashes: Mapping[str, str] = field(default_factory=dict)
    last_contact: float | None = None
    trouble: Trouble | None = None

    @property
    def loaded(self) -> str:
        return self.report.digest if self.report else ""

    @property
    def is_current(self) -> bool:
        return bool(self.wanted) and self.loaded == self.wanted

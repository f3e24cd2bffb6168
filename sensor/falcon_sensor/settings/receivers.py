"""Options of the outputs that send alerts over the network: a webhook and Kubernetes Events. Part of `model`."""

# ruff: noqa: RUF009 (`option` returns dataclasses.field(...), which is what the rule asks for)
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from falcon_sensor.settings import options
from falcon_sensor.settings.options import KIBI, MEBI, option


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    username: str | None = option(None, "user name; without one there is no basic authentication")
    password: str | None = option(None, "its password")
    password_file: str | None = option(None, "a file with the password, read for every request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    initial_seconds: float = option(
        0.5, "the longest pause after a first failure; it doubles with each further one", "seconds", gt=0, le=60
    )
    max_seconds: float = option(
        30.0, "the longest pause of all; each is drawn at random between 0 and its longest", "seconds", gt=0, le=3600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookBatch:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    max_alerts: int = option(
        1, "how many alerts one request may carry; 1 sends each as a JSON object of its own", "alerts", ge=1, le=1000
    )
    max_wait_ms: int = option(
        1000,
        "how long an alert waits for others to go with it; without a spool none waits, a request then takes what came "
        "while the one before was under way",
        "ms",
        ge=0,
        le=60_000,
    )
    format: Literal["array", "ndjson"] = option(
        "array", "the body when max_alerts is more than 1: a JSON array, or ndjson: an object a line"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpool:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    directory: str | None = option(
        None,
        "keep alerts in this directory until the receiver has them, so that they outlive the sensor; it is made when "
        "missing. Not set: they wait in memory, as many as outputs_queue.capacity says",
    )
    max_bytes: int = option(
        64 * MEBI,
        "how large the spool may grow; beyond that the oldest alerts are dropped, counted and told",
        "bytes",
        ge=64 * KIBI,
    )
    max_age_seconds: float = option(
        86_400.0, "alerts that could not be sent for so long are dropped, counted and told", "seconds", gt=0
    )
    fsync: bool = option(
        True,
        "wait for the disk after each write, so that alerts survive a power failure; false: they survive only the end "
        "of the sensor, however it ends",
    )
    refused_bytes: int = option(
        MEBI,
        "alerts that the receiver answers with an HTTP error other than 429 and 5xx go into refused.ndjson in the "
        "directory; how large that may get, twice: a full one becomes refused.ndjson.1. 0 keeps none",
        "bytes",
        ge=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOutput:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool = option(
        False,
        "POST alerts as JSON to a URL, in order. One that may not have arrived is sent again, with the same uuid, so a "
        "receiver can drop doubles",
    )
    minimum_priority: options.Priority = options.minimum_priority()
    url: str = option("", "where to: http://... or https://...; redirects are not followed")
    user_agent: str = option("falcon-sensor", "the User-Agent header")
    headers: dict[str, str] = option(dict, "further headers: {X-Scope-OrgID: security}")
    bearer_token: str | None = option(None, "sent as `Authorization: Bearer ...`")
    bearer_token_file: str | None = option(None, "a file with that token, read for every request")
    basic_auth: BasicAuth = option(BasicAuth, "user name and password")
    ca_cert: str | None = option(
        None,
        "a PEM file with the certificates of authorities to trust in place of the system's; files are read again when "
        "they change",
    )
    ca_bundle: str | None = option(None, "another such file")
    ca_path: str | None = option(None, "a directory of such files")
    mtls: bool = option(False, "show a client certificate")
    client_cert: str | None = option(None, "PEM file with that certificate and the ones it was signed with")
    client_key: str | None = option(None, "PEM file with its key, not encrypted")
    insecure_skip_verify: bool = option(
        False,
        "DANGEROUS: take any server for the receiver. Whoever is on the way can then read and drop alerts and take the "
        "credentials",
    )
    compress_uploads: bool = option(False, "compress bodies with gzip")
    keep_alive: bool = option(True, "keep the connection open between requests")
    connect_timeout_seconds: float = option(5.0, "how long connecting may take, TLS included", "seconds", gt=0, le=300)
    timeout_seconds: float = option(
        15.0, "how long a request may take, from the first byte sent to the last one read", "seconds", gt=0, le=600
    )
    retry: Retry = option(
        Retry, "pauses after HTTP 429 and 5xx and when there is no answer; Retry-After is heeded, up to 300 s"
    )
    batch: WebhookBatch = option(WebhookBatch, "several alerts in one request")
    spool: WebhookSpool = option(WebhookSpool, "where alerts wait for the receiver")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesEvents:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool | None = option(
        None,
        "make alerts Kubernetes Events about their pod, or about the node for host processes; not set: if "
        "cluster.enabled. cluster.node_name and cluster.kubeconfig hold for them too",
    )
    minimum_priority: options.Priority = options.minimum_priority()
    instance: str | None = option(
        None, "the Events' reporting instance, usually the sensor's pod; not set: the sensor's hostname"
    )
    rate: float = option(
        2.0,
        "how many requests a second may go to the API server, on average. What finds no room is counted and told as "
        "one Event about the node",
        "per second",
        gt=0,
        le=1000,
    )
    max_burst: int = option(50, "how many requests may go at once before `rate` holds", "requests", ge=1, le=10_000)
    series_seconds: float = option(
        360.0,
        "a further alert of the same rule, about the same container and with the same text, counts up the Event before "
        "when that was seen no longer ago",
        "seconds",
        gt=0,
        le=3600,
    )
    series_texts: int = option(
        10,
        "how many different texts of one rule about one container get Events of their own; further ones count up the "
        "last of these, which shows the latest text in an annotation",
        "texts",
        ge=1,
        le=1000,
    )
    update_seconds: float = option(2.0, "how often a counted Event is updated at most", "seconds", gt=0, le=600)
    queue: int = option(
        1000, "how many Events may wait for the API server; further ones are held back", "Events", ge=1, le=100_000
    )

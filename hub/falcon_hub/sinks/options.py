"""What can be set for every sink. The options of each kind stand beside its sink and build on `Common`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from falcon_hub import alerts
from falcon_hub.settings import model, secrets
from falcon_rules import bundle


def _priority(given: str) -> str:
    return alerts.priority(given).label


Priority = Annotated[str, AfterValidator(_priority)]
"""One of Falco's names, in any case; kept as Falco writes it."""


def priority(given: str) -> bundle.Priority:
    return bundle.Priority[given.upper()]


class Base(model.Section):
    """Options refuse names they do not know. Each `Secret` X may be given as X, X_file or X_env."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def secrets(self) -> list[secrets.Secret]:
        """All secrets in here, at any depth."""
        found: list[secrets.Secret] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, secrets.Secret):
                found.append(value)
            elif isinstance(value, Base):
                found += value.secrets()
            elif isinstance(value, Mapping):
                found += [each for each in value.values() if isinstance(each, secrets.Secret)]
        return found


class Match(Base):
    """Which alerts go to the sink; everything given must fit. Patterns are globs (`*`, `?`, `[...]`), any of a list."""

    rules: tuple[str, ...] = Field((), description="Names of rules")
    tags: tuple[str, ...] = Field((), description="Tags; one that fits is enough")
    sources: tuple[str, ...] = Field((), description="Event sources, such as syscall")
    hostnames: tuple[str, ...] = Field((), description="Nodes")
    namespaces: tuple[str, ...] = Field((), description="Kubernetes namespaces; alerts about hosts have none")
    condition: str | None = Field(
        None, description="A condition in the rules language over the alert's fields (`k8s.ns.name startswith prod`)"
    )


class RateLimit(Base):
    """At most so many messages in so many seconds."""

    messages: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="How many, all at once if need be")
    per_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(60.0, description="In how long")


class Grouping(Base):
    """Repeats of an alert told are counted for `seconds` and then told as one message."""

    by: tuple[str, ...] = Field(
        ("rule", "hostname", "namespace", "pod", "container"),
        min_length=1,
        description="What makes two alerts the same: rule, priority, source, hostname, namespace, pod, container, "
        "image, output, or a field's name",
    )
    seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(300.0, description="How long repeats are counted")


class Retry(Base):
    """After a failure: exponential, with full jitter, in order, as often as it takes."""

    initial_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(1.0, description="First pause")
    longest_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(60.0, description="Longest pause")
    set_aside_seconds: Annotated[float, Field(ge=0)] = Field(
        60.0,
        description="A message that is answered by failures for so long, while the receiver takes another, becomes a "
        "dead letter; 0: never",
    )
    give_up_seconds: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="A message that failed for so long becomes a dead letter whatever the reason, also while the "
        "receiver is away; 0: never",
    )


class Breaker(Base):
    """After `failures` in a row the receiver is left alone for `pause_seconds`, then tried with a single message."""

    failures: Annotated[int, Field(ge=1)] = Field(5, description="Failures in a row that open it")
    pause_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(30.0, description="How long it stays open")


class Common(Base):
    """What every sink has."""

    people: ClassVar[bool] = False
    """People read what comes here: more alerts than the rate allows are told as one digest."""
    rate: ClassVar[RateLimit | None] = None
    """The rate limit where none is set."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        description="Yours, unique. The store remembers by it how far the sink is: a new name is a new sink",
    )
    type: str
    enabled: bool = Field(True, description="false: nothing is sent; the sink's place is kept")
    minimum_priority: Priority = Field("Debug", description="Less urgent alerts are not sent")
    match: Match = Field(Match(), description="Which alerts are sent")
    custom_fields: Mapping[str, str] = Field({}, description="Fields added to every alert")
    templated_fields: Mapping[str, str] = Field({}, description="Fields added to every alert, as templates")
    title: str | None = Field(None, description="Template of the title")
    text: str | None = Field(None, description="Template of the text")
    rate_limit: RateLimit | None = Field(None, description="At most so many messages")
    digest: bool | None = Field(None, description="Tell what exceeds the rate as one message instead of later")
    grouping: Grouping | None = Field(None, description="Count repeats instead of sending each")
    retry: Retry = Field(Retry(), description="What follows a failure")
    breaker: Breaker = Field(Breaker(), description="When a receiver is left alone")
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(15.0, description="For one request")

    start: Literal["now", "beginning"] = Field(
        "now", description="Where a sink that is new begins: with what comes next, or with all there is"
    )

    @property
    def digests(self) -> bool:
        return self.people if self.digest is None else self.digest

    @property
    def limit(self) -> RateLimit | None:
        return self.rate_limit or self.rate


class Tls(Base):
    """How an encrypted connection is checked."""

    ca_cert: str | None = Field(None, description="File with the authorities to trust; the system's without")
    client_cert: str | None = Field(None, description="File with the certificate to show")
    client_key: str | None = Field(None, description="File with its key")
    insecure_skip_verify: bool = Field(False, description="Take any certificate. Whoever is in between reads along")


class OverHttp(Common):
    """What every sink has that speaks HTTP."""

    tls: Tls = Field(Tls(), description="TLS")
    proxy: str | None = Field(None, description="HTTP proxy; the environment's is not used")
    headers: Mapping[str, str] = Field({}, description="Headers to add")
    secret_headers: Mapping[str, secrets.Secret] = Field(
        {}, description="Headers to add that are secret; a value may be {file: PATH} or {env: NAME}"
    )

    @model_validator(mode="before")
    @classmethod
    def _headers(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("secret_headers"), Mapping):
            given = data["secret_headers"]
            return {**data, "secret_headers": {name: _secret(value) for name, value in given.items()}}
        return data


def _secret(given: Any) -> Any:
    if isinstance(given, Mapping) and set(given) == {"file"}:
        return secrets.Secret(path=str(given["file"]))
    if isinstance(given, Mapping) and set(given) == {"env"}:
        return secrets.Secret.from_environment(str(given["env"]))
    return given

"""The options, with defaults and descriptions. Plain data: nothing here acts on a setting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import pydantic
from pydantic import Field

from falcon_hub.settings import secrets

Secret = secrets.Secret


class Section(pydantic.BaseModel):
    """What every group of options has in common: unknown names are errors, nothing changes later, and each `Secret` X
    may be given as X, X_file or X_env."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _secrets(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        for name in secret_names(cls):
            given = [each for each in (name, f"{name}_file", f"{name}_env") if data.get(each) is not None]
            if len(given) > 1:
                raise ValueError(f"give only one of {', '.join(given)}")
            path, variable = data.pop(f"{name}_file", None), data.pop(f"{name}_env", None)
            if path is not None:
                data[name] = Secret(path=str(path))
            elif variable is not None:
                data[name] = Secret.from_environment(str(variable))
        return data


def secret_names(section: type[pydantic.BaseModel]) -> list[str]:
    """Options that may be given by file or variable too."""
    annotations = {name: str(field.annotation) for name, field in section.model_fields.items()}
    # A table of secrets gives the way for each of its values.
    return [name for name, text in annotations.items() if "secrets.Secret" in text and "Mapping" not in text]


class Tls(Section):
    cert: str = Field(
        "", description="PEM file with the certificate and the ones it was signed with; empty: plain HTTP"
    )
    key: str = Field("", description="PEM file with its key, not encrypted. Both are read again when they change")


class Listen(Section):
    host: str = Field("127.0.0.1", description="address to listen at; 0.0.0.0 or :: for all")
    port: int = Field(2801, ge=0, le=65535, description="port; 0: any that is free, printed at the start")
    public_url: str = Field(
        "", description="where people reach the page, such as https://falcon.example.com, if a proxy stands in between"
    )
    tls: Tls = Field(Tls(), description="HTTPS; what is older than TLS 1.2 is refused")


class Ingest(Section):
    token_file: str = Field(
        "",
        description="file with the tokens of senders, one a line; read again when it changes. Not set: ingest.token in "
        "data_dir, made with a random token at the first start",
    )
    max_body_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, le=1 << 30, description="of a request, unpacked; larger ones get 413 [bytes]"
    )
    max_alerts: int = Field(10_000, ge=1, le=100_000, description="alerts in one request; more get 413")


class Retention(Section):
    max_age_days: float = Field(30.0, gt=0, le=36_500, description="alerts older than this go [days]")
    max_bytes: int = Field(
        10 * 1024**3,
        ge=1024**2,
        description="about how much disk alerts may take; beyond it the oldest go [bytes]",
    )
    audit_days: float = Field(365.0, gt=0, le=36_500, description="how long the audit log is kept [days]")


class Store(Section):
    url: str = Field(
        "",
        description="database: sqlite:////path/hub.db or postgresql://user@host/database?sslmode=verify-full; "
        "empty: hub.db in data_dir",
    )
    password: Secret | None = Field(None, description="of the database's user, so that it need not stand in url")
    retention: Retention = Field(Retention(), description="what is kept for how long")


class Oidc(Section):
    issuer: str = Field("", description="URL of the OpenID Connect provider; empty: no login by it")
    client_id: str = Field("", description="as registered there, with the redirect URL public_url/api/v1/oidc/callback")
    client_secret: Secret | None = Field(
        None, description="as given there; none for a public client (PKCE is always used)"
    )
    scopes: str = Field("openid profile email", description="what is asked for, separated by spaces")
    username_claim: str = Field("email", description="the token's claim that names the user")
    roles_claim: str = Field("groups", description="the token's claim with groups or roles: a text or a list")
    admins: list[str] = Field([], description="values of roles_claim that make an admin")
    viewers: list[str] = Field([], description="values that make a viewer; `*`: whoever can log in")
    label: str = Field("single sign-on", description="what the button on the login page says behind `Log in with`")
    ca_cert: str = Field("", description="PEM file of the provider's authority in place of the system's")


class ReaderToken(Section):
    name: str = Field(description="who it is, for the audit log")
    token: Secret = Field(description="at least 16 characters, sent as `Authorization: Bearer ...`")
    role: Literal["viewer", "admin"] = Field("viewer", description="viewer reads; admin acknowledges and silences too")


class Access(Section):
    first_admin_password: Secret | None = Field(
        None,
        description="of the user admin, who is made at a start that finds no users; none: a random one is made and "
        "shown once if the hub runs in a terminal, else `falcon-hub user add` makes the first user",
    )
    session_hours: float = Field(12.0, gt=0, le=24 * 365, description="how long a login lasts [hours]")
    attempts_per_minute: int = Field(
        10, ge=1, le=1000, description="failed logins from one address, and for one user, before they must wait"
    )
    trusted_proxies: list[str] = Field(
        [], description="networks whose X-Forwarded-For is believed, such as 10.0.0.0/8: for the audit log and limits"
    )
    oidc: Oidc = Field(Oidc(), description="login by OpenID Connect")
    reader_tokens: list[ReaderToken] = Field([], description="programs that read alerts: a list of {name, token, role}")


class Sink(pydantic.BaseModel):
    """What every sink has; the rest is its kind's, and checked there."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)
    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    type: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Settings(Section):
    data_dir: str = Field("/var/lib/falcon-hub", description="directory for what the hub keeps; made when absent")
    listen: Listen = Field(Listen(), description="where alerts come in and the page is shown")
    ingest: Ingest = Field(Ingest(), description="who may send alerts, and how large")
    store: Store = Field(Store(), description="where alerts are kept")
    access: Access = Field(Access(), description="who may look")
    custom_fields: dict[str, str] = Field(
        {}, description="added to every alert's output_fields that does not have them: {environment: production}"
    )
    sinks: list[Sink] = Field([], description="where alerts are sent on, see hub-sinks.md")
    routing: dict[str, Any] = Field({}, description="defaults for all sinks, see hub-sinks.md")

    @property
    def database_url(self) -> str:
        return self.store.url or f"sqlite:///{os.path.abspath(os.path.join(self.data_dir, 'hub.db'))}"

    @property
    def database_password(self) -> str | None:
        return self.store.password.reveal() if self.store.password else None

    @property
    def ingest_token_file(self) -> str:
        return self.ingest.token_file or os.path.join(self.data_dir, "ingest.token")

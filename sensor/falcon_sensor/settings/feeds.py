"""Options of the outputs that feed others on their terms: syslog, programs, gRPC clients. Part of `model`."""

# ruff: noqa: RUF009 (`option` returns dataclasses.field(...), which is what the rule asks for)
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from falcon_sensor.settings import options, receivers
from falcon_sensor.settings.options import KIBI, option

Facility = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogOutput:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool = option(False, "send alerts to syslog, the local one or over the network")
    minimum_priority: options.Priority = options.minimum_priority()
    address: str = option(
        "unix:///dev/log",
        "where to: unix:///path (a datagram or stream socket), udp://host:514, tcp://host:601, tls://host:6514",
    )
    format: Literal["auto", "rfc5424", "local"] = option(
        "auto",
        "rfc5424, or local: what the C library's syslog() writes, which the daemons behind /dev/log expect and many of "
        "them understand alone; auto: local for unix:///dev/log and rfc5424 for everything else",
    )
    facility: Facility = option("user", "the facility; the severity is the alert's priority")
    app_name: str = option("falcon-sensor", "the program's name in messages")
    structured_data: bool = option(
        True, "with rfc5424: rule, uuid, namespace, pod, ... as structured data in front of the text"
    )
    structured_data_id: str = option(
        "falcon@32473",
        "its name: name@number, where the number is the private enterprise number of your organisation (32473 is the "
        "one for examples)",
    )
    max_message_bytes: int = option(
        8096,
        "longer messages are cut: of text the end goes, of JSON the longest values, so that it stays JSON. Receivers "
        "cut too, rsyslog at this length unless told otherwise",
        "bytes",
        ge=1 * KIBI,
        le=1024 * KIBI,
    )
    ca_cert: str | None = option(
        None, "with tls: a PEM file with the certificates of authorities to trust in place of the system's"
    )
    mtls: bool = option(False, "with tls: show a client certificate")
    client_cert: str | None = option(None, "PEM file with that certificate and the ones it was signed with")
    client_key: str | None = option(None, "PEM file with its key, not encrypted")
    insecure_skip_verify: bool = option(
        False, "DANGEROUS, with tls: take any server for the receiver. Whoever is on the way can read and drop alerts"
    )
    connect_timeout_seconds: float = option(5.0, "how long connecting may take, TLS included", "seconds", gt=0, le=300)
    timeout_seconds: float = option(15.0, "how long the receiver may take nothing at all", "seconds", gt=0, le=600)
    retry: receivers.Retry = option(receivers.Retry, "pauses while the receiver cannot be reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramOutput:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool = option(False, "run a program that gets alerts on its standard input, one a line")
    minimum_priority: options.Priority = options.minimum_priority()
    program: str | tuple[str, ...] = option(
        "", "the command, a list or text that is split at blanks and quotes; no shell reads it"
    )
    shell: bool = option(False, "have /bin/sh read the command, which must be text then: pipes, variables, ...")
    keep_alive: bool = option(False, "keep the program running, for all alerts; false runs it anew for each")
    timeout_seconds: float = option(
        30.0,
        "how long the program may take for one alert, or with keep_alive read nothing of what waits for it; then it is "
        "killed",
        "seconds",
        gt=0,
        le=3600,
    )
    attempts: int = option(
        3,
        "after how many failures in a row (exit codes, timeouts) over one alert that alert is given up",
        ge=1,
        le=1000,
    )
    retry: receivers.Retry = option(receivers.Retry, "pauses after a failure of the program")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grpc:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool = option(False, "serve Falco's gRPC interfaces, from a process of its own")
    bind_address: str = option(
        "unix:///run/falcon/falcon.sock",
        "unix:///path, for who may open that file (mode 660); or address:port, where clients must show a certificate",
    )
    threadiness: int = option(
        0,
        "ten times as many calls may be under way at once; 0 stands for as many as there are CPUs",
        "threads",
        ge=0,
        le=1000,
    )
    private_key: str = option("/etc/falcon/certs/server.key", "with address:port: PEM file of the server's key")
    cert_chain: str = option("/etc/falcon/certs/server.crt", "and of its certificate; read again when it changes")
    root_certs: str = option("/etc/falcon/certs/ca.crt", "PEM file of the authorities that clients' certificates need")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcOutput:
    __pydantic_config__: ClassVar[Any] = options.STRICT
    enabled: bool = option(
        False,
        "give alerts to the gRPC server's clients: every subscriber gets all; while there is none they wait, as many "
        "as outputs_queue.capacity says",
    )
    minimum_priority: options.Priority = options.minimum_priority()

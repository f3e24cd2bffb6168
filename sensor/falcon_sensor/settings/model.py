"""Every option of the sensor. Names follow Falco's falco.yaml where it has the option.

Plain dataclasses, not pydantic models: the process that runs for months only reads them, and
importing pydantic costs it 70 ms and 20 MB. `load` has pydantic validate them, in the
short-lived process that compiles the rules; the constraints and descriptions in a field's
metadata are the names pydantic itself reads (`ge`, `description`, ...).
"""

# ruff: noqa: RUF009 (`option` returns dataclasses.field(...), which is what the rule asks for)
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from falcon_sensor.settings import feeds, options, receivers

option = options.option
_STRICT = options.STRICT
KIBI, MEBI = options.KIBI, options.MEBI


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which rules an entry of `rules` is about."""

    __pydantic_config__: ClassVar[Any] = _STRICT
    rule: str | None = option(None, "name of the rule, `*` stands for any text")
    tag: str | None = option(None, "rules that carry this tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One entry of `rules`: exactly one of the two."""

    __pydantic_config__: ClassVar[Any] = _STRICT
    enable: Selector | None = option(None, "switch these rules on")
    disable: Selector | None = option(None, "switch these rules off")


@dataclass(frozen=True, slots=True, kw_only=True)
class StdoutOutput:
    __pydantic_config__: ClassVar[Any] = _STRICT
    enabled: bool = option(True, "print alerts on standard output")
    minimum_priority: options.Priority = options.minimum_priority()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutput:
    __pydantic_config__: ClassVar[Any] = _STRICT
    enabled: bool = option(False, "append alerts to a file; SIGUSR1 or SIGHUP opens it anew (for logrotate)")
    minimum_priority: options.Priority = options.minimum_priority()
    filename: str = option("./events.txt", "the file; its directory must exist")
    keep_alive: bool = option(True, "keep the file open; false opens and closes it for every batch of alerts")
    rotate_bytes: int = option(
        0, "start a new file when this one would grow larger; 0 leaves rotation to others", "bytes", ge=0
    )
    rotate_keep: int = option(5, "how many old files (filename.1 is the newest) to keep", "files", ge=1, le=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsQueue:
    __pydantic_config__: ClassVar[Any] = _STRICT
    capacity: int = option(
        10_000,
        "how many alerts may wait for each output; beyond that they are lost for it, counted and told",
        "alerts",
        ge=1,
        le=10_000_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    __pydantic_config__: ClassVar[Any] = _STRICT
    backend: Literal["auto", "a", "b", "c"] = option(
        "auto",
        "how system calls are seen: a by the functions of wanted calls (nothing for others), b by the tracepoints of "
        "wanted calls (blind to 32-bit callers), c by one tracepoint for all calls (works everywhere); auto takes the "
        "cheapest that this kernel offers and that sees every caller",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDrops:
    __pydantic_config__: ClassVar[Any] = _STRICT
    threshold: float = option(
        0.0, "act when more than this share of a second's events did not fit the ring buffer", "share", ge=0, lt=1
    )
    actions: tuple[Literal["ignore", "log", "alert", "exit"], ...] = option(
        ("log", "alert"), "what to do: ignore, log (standard error), alert (an alert like any other), exit"
    )
    rate: float = option(0.03333, "how many times a second to act at most, on average", "per second", gt=0)
    max_burst: int = option(1, "how many times to act at once before `rate` holds", "times", ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    __pydantic_config__: ClassVar[Any] = _STRICT
    alerts: int = option(
        100,
        "alerts of one rule in one container (or on the host) within `per_seconds`; further ones are counted and told "
        "with the next. 0 sets no limit. A rule's own limit wins",
        "alerts",
        ge=0,
    )
    per_seconds: float = option(10.0, "the span of time `alerts` is for", "seconds", gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    __pydantic_config__: ClassVar[Any] = _STRICT
    enabled: bool = option(
        False, "run as a node's sensor: rules come from the operator over HTTPS, never from files (no -r)"
    )
    node_name: str | None = option(None, "name of this node in the cluster; the host's name when not set")
    namespace: str = option("falcon", "namespace of the operator")
    operator_account: str = option("falcon-operator", "service account of the operator: nobody else may push rules")
    audience: str = option("falcon-sensor", "audience that the operator's token must be meant for")
    host: str = option("", "address to listen on; empty for all")
    api_port: int = option(8765, "HTTPS port that takes rules", ge=1, le=65535)
    health_port: int = option(8766, "HTTP port of /livez, /readyz and /metrics", ge=1, le=65535)
    tls_dir: str = option(
        "/etc/falcon/tls", "directory with tls.crt and tls.key; waited for, and read again when they change"
    )
    tls_secret: str = option(
        "",
        "Secret in `namespace` with the same, asked of the API server while the directory is empty: a kubelet takes a "
        "minute and more to fill it; empty: not asked",
    )
    state_dir: str = option(
        "/var/lib/falcon", "directory on the node for the last good rules, which are in force right after a restart"
    )
    host_root: str = option("/", "where the node's root directory is seen; /host when mounted there")
    shared_kernel: Literal["auto", "yes", "no"] = option(
        "auto",
        "whether other nodes run on this kernel, as in kind: only host processes in this node's network namespace are "
        "its own then; auto finds out, and needs hostNetwork in the sensor's pod",
    )
    kubeconfig: str | None = option(None, "kubeconfig file for runs outside of a pod")
    max_bundle_bytes: int = option(8 * MEBI, "largest packed rules to accept", "bytes", ge=64 * KIBI, le=64 * MEBI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    __pydantic_config__: ClassVar[Any] = _STRICT
    rules_files: tuple[str, ...] = option(
        (), "rule files, and directories whose *.yaml files are taken in name order; -r takes their place"
    )
    rules: tuple[Selection, ...] = option(
        (),
        "switches rules after loading, entry by entry, each `enable` or `disable` with a `rule` (name, `*` as "
        "wildcard) or a `tag`: [{disable: {rule: '*'}}, {enable: {tag: container}}]",
    )
    rule_matching: Literal["first", "all"] = option(
        "first", "first: an event alerts for the first rule that holds; all: for every rule"
    )
    priority: options.Priority = option("debug", "rules less urgent than this do not run")
    rate_limit: RateLimit = option(RateLimit, "how many alerts a rule may give when it states no limit itself")

    cluster: Cluster = option(Cluster, "one sensor of a Kubernetes cluster's many")

    hostname: str | None = option(None, "the host's name in alerts; the kernel's when not set")
    extra_fields: dict[str, str | int | float | bool] = option(
        dict, "static fields for every alert's output_fields: {environment: production, datacenter: paris}"
    )
    suggested_fields: bool = option(
        True,
        "add what is known of container and pod (container.id, container.name, k8s.ns.name, ...) to every alert's "
        "output_fields, as Falco's append_output does with suggested_output; the text stays as the rule has it",
    )
    json_output: bool = option(False, "one JSON object a line instead of text; --json sets it")
    json_include_output_property: bool = option(True, "`output`, the full text line, in JSON")
    json_include_message_property: bool = option(False, "`message`, the text without time and priority, in JSON")
    json_include_output_fields_property: bool = option(True, "`output_fields` in JSON")
    json_include_tags_property: bool = option(True, "`tags` in JSON")
    time_format_iso_8601: bool = option(False, "times in text lines as ISO 8601 in UTC instead of local HH:MM:SS")

    stdout_output: StdoutOutput = option(StdoutOutput, "standard output")
    file_output: FileOutput = option(FileOutput, "a file")
    syslog_output: feeds.SyslogOutput = option(feeds.SyslogOutput, "syslog")
    program_output: feeds.ProgramOutput = option(feeds.ProgramOutput, "a program")
    http_output: receivers.HttpOutput = option(receivers.HttpOutput, "a webhook")
    grpc: feeds.Grpc = option(feeds.Grpc, "a gRPC server as Falco has it; needs `grpc_output` to have alerts")
    grpc_output: feeds.GrpcOutput = option(feeds.GrpcOutput, "the gRPC server's clients")
    kubernetes_events: receivers.KubernetesEvents = option(receivers.KubernetesEvents, "Kubernetes Events")
    outputs_queue: OutputsQueue = option(OutputsQueue, "what every output has of its own")
    output_timeout: int = option(
        500, "how long the end of the sensor waits for slow outputs to take what they were given", "ms", ge=0, le=60_000
    )

    syscall_event_drops: EventDrops = option(EventDrops, "what to do when the kernel had no room for events")
    probe: Probe = option(Probe, "what is attached to the kernel")
    ring_bytes: int = option(
        8 * MEBI, "the kernel's buffer for events, a power of two", "bytes", ge=64 * KIBI, le=1024 * MEBI
    )
    program_cache: str = option(
        "/var/lib/falcon/programs",
        "directory for compiled programs, so that only the first start with these rules on this kernel waits for the "
        "compiler; nobody but the sensor's user may be able to write there. Empty for none",
    )
    heartbeat_file: str = option(
        "",
        "file with a sign of life, by which the next sensor tells for how long nobody watched; empty: none, in a "
        "cluster `alive` in cluster.state_dir",
    )
    program_stats: bool = option(
        False,
        "have the kernel measure what its programs cost, for the metrics falcon_sensor_hook_*: 20 ns for each run of "
        "every eBPF program on the machine",
    )
    process_cache_size: int = option(16_384, "how many processes to remember", "processes", ge=256, le=4_194_304)

    @property
    def lowest(self) -> str:
        """`priority` as `falcon_rules.bundle.Priority` names it."""
        return options.level(self.priority)


def sections(value: Any) -> Iterator[tuple[dataclasses.Field[Any], Any, bool]]:
    """(field, default, is a section of its own) for each option of a settings dataclass or instance."""
    for each in dataclasses.fields(value):
        factory = each.default_factory
        default = each.default if factory is dataclasses.MISSING else factory()
        yield each, default, dataclasses.is_dataclass(default)


def is_text(path: tuple[str, ...], value: Any = Settings) -> bool:
    """Whether the option takes text and nothing else."""
    each, default, nested = next((row for row in sections(value) if row[0].name == path[0]), (None, None, False))
    if each is None or nested:
        return nested and len(path) > 1 and is_text(path[1:], default)
    return len(path) == 1 and each.type in ("str", "str | None")


def paths(value: Any = Settings, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every option's path: ("file_output", "filename"), sections themselves included."""
    for each, default, nested in sections(value):
        path = (*prefix, each.name)
        yield path
        if nested:
            yield from paths(default, path)

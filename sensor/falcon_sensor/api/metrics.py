"""The text of `/metrics`. Names and units follow Prometheus's conventions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import prometheus_client
from prometheus_client import core, registry

from falcon_sensor.api import bundles, health
from falcon_sensor.api.refusals import Refusals

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
_PREFIX = "falcon_sensor_"
_RULE_PREFIX = "falcon_rule_"

_OWN = {
    "filtered": "Alerts less urgent than an output's minimum_priority.",
    "waiting": "Alerts (webhook, grpc) or Events (kubernetes events) that an output has taken and not yet passed on.",
    "unsaved": "Alerts that would be lost for an output if the sensor ended now.",
    "spooled_bytes": "What a webhook keeps until its receiver has it.",
    "sent": "Alerts that a webhook's receiver has, and messages to subscribers of gRPC.",
    "requests": "Requests to a webhook's receiver.",
    "retries": "Attempts of an output that failed and were repeated.",
    "refused": "Alerts (webhook, syslog, program) or requests (kubernetes events) that the other side does not want.",
    "cut": "Alerts too long for a syslog message, shortened.",
    "starts": "Processes started: of a program that gets alerts, or the one that serves gRPC.",
    "clients": "Subscribers of gRPC.",
    "calls": "Calls of gRPC.",
    "lost_slow": "Alerts that a subscriber of gRPC was too slow for.",
    "lost_too_many": "Alerts dropped from a spool, or from what waits for clients of gRPC, because it was full.",
    "lost_crash": "Alerts lost because the process that serves gRPC died.",
    "lost_too_old": "Alerts dropped because they could not be sent for too long.",
    "lost_damaged": "Alerts damaged in a spool.",
    "created": "Kubernetes Events made.",
    "updated": "Updates of Kubernetes Events.",
    "held_back": "Alerts without a Kubernetes Event of their own, told of in summaries.",
    "namespace_gone": "Alerts without a Kubernetes Event because their namespace was gone.",
}
"""What single kinds of outputs measure."""
_OWN_GAUGES = frozenset({"waiting", "unsaved", "spooled_bytes", "clients"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything that is shown. requests: to the API server, by verb and code. agent_rss: bytes."""

    health: health.Health
    in_force: bundles.InForce
    refusals: Refusals
    requests: Mapping[tuple[str, str], int]
    version: str
    agent_rss: int


def text(sample: Sample) -> bytes:
    collected = registry.CollectorRegistry(auto_describe=False)
    collected.register(_Once(sample))
    return prometheus_client.generate_latest(collected)


class _Once(registry.Collector):
    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def collect(self) -> Iterator[core.Metric]:
        found = self._sample.health
        yield from _rules(found)
        yield from _itself(found)
        yield from _events(found)
        yield from _state(found)
        yield from _outputs(found.outputs)
        yield from _service(self._sample)


def _rules(found: health.Health) -> Iterator[core.Metric]:
    yield _counter(
        "alerts",
        "Alerts told, by rule and priority.",
        ("rule", "priority"),
        (((rule, priority), count) for rule, priority, count in found.alerts),
        _RULE_PREFIX,
    )
    for name, documentation, values in (
        ("matches", "Events for which the rule held, told or not (Shadow rules too).", found.matches),
        ("suppressed_alerts", "Alerts held back by the rule's rate limit.", found.suppressed),
        ("errors", "Evaluations of the rule that failed: a fault of Falcon.", found.rule_errors),
        ("cpu_seconds", "Processor time for the rule's condition by itself, estimated.", found.rule_seconds),
    ):
        rows = (((rule,), count) for rule, count in values.items())
        yield _counter(name, documentation, ("rule",), rows, _RULE_PREFIX)


def _itself(found: health.Health) -> Iterator[core.Metric]:
    """Whether it sees, and what is wrong with it."""
    for name, documentation, value in (
        ("blind", "1 while the sensor is not known to see its own acts.", float(bool(found.attached and found.blind))),
        ("event_delay_seconds", "From the sensor's own last act to its being read.", found.latency),
    ):
        yield _gauge(name, documentation, (), (((), value),))
    yield _counter("canaries", "The sensor's own acts that came back.", (), (((), found.canaries),))
    rows: Rows = (((key,), 1.0) for key in found.troubles)
    yield _gauge("trouble", "1 while it lasts, by what is wrong.", ("trouble",), rows)
    rows = (((kind,), seconds) for kind, seconds in found.trouble_seconds.items())
    yield _counter("trouble_seconds", "How long troubles lasted that are over, by kind.", ("kind",), rows)
    rows = (((rule,), float(count)) for rule, count in found.internal_alerts.items())
    yield _counter("internal_alerts", "Alerts about the sensor itself.", ("rule",), rows)


def _events(found: health.Health) -> Iterator[core.Metric]:
    kinds = (((kind,), count) for kind, count in found.seen.items())
    yield _counter("filtered_events", "Events that reached the kernel's filter, by kind.", ("kind",), kinds)
    runs: Rows = (((hook,), count) for hook, (count, _) in found.hooks.items())
    yield _counter("hook_runs", "Runs of the program at a hook (setting program_stats).", ("hook",), runs)
    runs = (((hook,), seconds) for hook, (_, seconds) in found.hooks.items())
    yield _counter("hook_seconds", "Time of the program at a hook (setting program_stats).", ("hook",), runs)
    kinds = (((kind,), count) for kind, count in found.records.items())
    yield _counter("records", "Events shipped by the kernel side, by kind.", ("kind",), kinds)
    kinds = (((kind,), count) for kind, count in found.drops.items())
    yield _counter("dropped_records", "Wanted events that found the ring buffer full, by kind.", ("kind",), kinds)
    for name, documentation, value in (
        ("skipped_program_runs", "Runs of programs that the kernel left out: events nobody saw.", found.left_out),
        ("unreadable_records", "Records that could not be decoded or evaluated.", found.failures),
        ("foreign_records", "Events of other nodes that share this kernel.", found.foreign),
        ("records_without_pod", "Events evaluated although the API server did not know their pod.", found.unknown),
        ("held_records", "Events that waited for their pod to become known.", found.held),
    ):
        yield _counter(name, documentation, (), (((), value),))


def _state(found: health.Health) -> Iterator[core.Metric]:
    for name, documentation, value in (
        ("attached", "1 while probes are at work.", float(found.attached)),
        ("ring_used_bytes", "What waits in the ring buffer.", found.ring_used),
        ("ring_size_bytes", "What the ring buffer holds.", found.ring_size),
        ("last_record_timestamp_seconds", "When the last event was read.", found.last_event),
        ("rules", "Rules in force.", found.rules),
        ("processes", "Processes remembered.", found.processes),
        ("pods", "Pods of this node.", found.pods),
    ):
        yield _gauge(name, documentation, (), (((), value),))


def _outputs(outputs: Sequence[health.Output]) -> Iterator[core.Metric]:
    rows = (((each.name,), each.queue) for each in outputs)
    yield _gauge("output_queue_alerts", "Alerts that wait for an output.", ("output",), rows)
    rows = (((each.name,), each.delivered) for each in outputs)
    yield _counter("output_delivered_alerts", "Alerts an output has taken.", ("output",), rows)
    rows = (((each.name,), each.lost) for each in outputs)
    yield _counter("output_lost_alerts", "Alerts an output has lost.", ("output",), rows)
    for key, documentation in _OWN.items():
        rows = (((each.name,), each.own[key]) for each in outputs if key in each.own)
        shown = _gauge if key in _OWN_GAUGES else _counter
        yield shown(f"output_{key}", documentation, ("output",), rows)


def _service(sample: Sample) -> Iterator[core.Metric]:
    force = sample.in_force
    if force.digest:
        label = ((force.digest,), 1.0)
        yield _gauge("bundle_info", "The bundle in force.", ("digest",), (label,))
    yield _gauge("bundle_revision", "Revision of the bundle in force.", (), (((), force.revision),))
    yield _gauge("failed_rules", "Rules of the bundle that cannot run here.", (), (((), len(force.rule_errors)),))
    reasons = (((str(reason),), count) for reason, count in sample.refusals.items())
    yield _counter("api_refusals", "Requests to the sensor's API that were refused.", ("reason",), reasons)
    yield _counter(
        "kubernetes_requests",
        "Requests to the API server (code none: no answer).",
        ("verb", "code"),
        sample.requests.items(),
    )
    rows = ((("sensor",), sample.health.rss), (("agent",), sample.agent_rss))
    yield _gauge("resident_memory_bytes", "Resident memory of the sensor's processes.", ("process",), rows)
    yield _gauge("build_info", "The version that runs.", ("version",), (((sample.version,), 1.0),))


Rows = Iterable[tuple[tuple[str, ...], float]]


def _counter(name: str, documentation: str, labels: tuple[str, ...], rows: Rows, prefix: str = _PREFIX) -> core.Metric:
    found = core.CounterMetricFamily(prefix + name, documentation, labels=labels)
    for values, count in rows:
        found.add_metric(values, count)
    return found


def _gauge(name: str, documentation: str, labels: tuple[str, ...], rows: Rows) -> core.Metric:
    found = core.GaugeMetricFamily(_PREFIX + name, documentation, labels=labels)
    for values, value in rows:
        found.add_metric(values, value)
    return found

"""How sinks do, as the page and Prometheus read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from falcon_hub.routing import states
from falcon_rules import times

_STATES = {"waiting": "retrying", "open": "open", "disabled": "stopped", "standby": "standby"}
_COUNTS = {
    "delivered": "Alerts a receiver has",
    "messages": "Messages that took",
    "refused": "Alerts that became dead letters",
    "skipped": "Alerts that were not for the sink",
    "silenced": "Alerts not sent because of a silence",
    "repeats": "Alerts counted by grouping instead of sent",
    "digested": "Alerts told within a digest",
    "failures": "Attempts that failed",
}


def page(sink: states.SinkState) -> dict[str, Any]:
    """The shape of `Sink` in hub/web/src/types.ts."""
    working = "ok" if sink.success_ns is not None else "idle"
    return {
        "name": sink.name,
        "type": sink.type,
        "state": _STATES.get(sink.state, working),
        "delivered": sink.counts.delivered,
        "waiting": sink.behind + sink.held,
        "dead": sink.dead,
        "failures": sink.counts.failures,
        "last_success": _time(sink.success_ns),
        "last_error": sink.error,
        "last_error_at": _time(sink.error_ns),
    }


def metrics(sinks: Iterable[states.SinkState], leads: bool) -> Iterator[Metric]:
    """leads: of several hubs on one database it is this one that sends, and the only one that has numbers of sinks, so
    that sums over all hubs are right."""
    yield GaugeMetricFamily(
        "falcon_hub_leader", "Whether this hub sends to the sinks and removes what is old", int(leads)
    )
    if not leads:
        return
    up = GaugeMetricFamily("falcon_hub_sink_up", "Whether the last attempt went through", labels=["sink", "type"])
    dead = GaugeMetricFamily("falcon_hub_sink_dead_letters", "Alerts its receiver refused", labels=["sink", "type"])
    behind = GaugeMetricFamily("falcon_hub_sink_behind_alerts", "Alerts it has not come to", labels=["sink", "type"])
    lost = CounterMetricFamily(
        "falcon_hub_sink_lost_alerts", "Alerts that retention removed before", labels=["sink", "type"]
    )
    counted = {
        name: CounterMetricFamily(f"falcon_hub_sink_{name}", text, labels=["sink", "type"])
        for name, text in _COUNTS.items()
    }
    for each in sinks:
        labels = [each.name, each.type]
        up.add_metric(labels, int(each.state == "working"))
        dead.add_metric(labels, each.dead)
        behind.add_metric(labels, each.behind)
        lost.add_metric(labels, each.lost)
        for name, family in counted.items():
            family.add_metric(labels, getattr(each.counts, name))
    yield from (up, dead, behind, lost, *counted.values())


def _time(at_ns: int | None) -> str | None:
    return None if at_ns is None else times.rfc3339(at_ns)

"""What the sinks have to tell Prometheus: names of sinks and numbers, nothing of any alert."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from falcon_hub.routing import router, states

_ABOUT: Final = {
    "delivered": "Alerts that the receiver has, alone or within a message for several",
    "messages": "Messages that the receiver took",
    "refused": "Alerts that became dead letters",
    "skipped": "Alerts that were not for the sink",
    "silenced": "Alerts not sent because of a silence",
    "repeats": "Alerts counted as repeats instead of sent",
    "digested": "Alerts told within a digest",
    "failures": "Attempts that failed",
}


def families(routed: router.Router) -> Iterable[Metric]:
    """Of all sinks."""
    workers = routed.workers
    for field in dataclasses.fields(states.Counts):
        family = CounterMetricFamily(f"falcon_hub_sink_{field.name}", _ABOUT[field.name], labels=["sink", "type"])
        for each in workers:
            family.add_metric([each.wanted.name, each.wanted.type], getattr(each.delivery.counts, field.name))
        yield family
    working = GaugeMetricFamily(
        "falcon_hub_sink_working", "0 while a sink's receiver is away or left alone", labels=["sink", "type"]
    )
    held = GaugeMetricFamily("falcon_hub_sink_held_alerts", "Repeats that wait to be told", labels=["sink", "type"])
    for each in workers:
        names = [each.wanted.name, each.wanted.type]
        working.add_metric(names, int(each.state() in ("ok", "idle")))
        held.add_metric(names, each.held)
    yield from (working, held)

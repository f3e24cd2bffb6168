"""How the sensor is, put together from its parts for `api.health`."""

from __future__ import annotations

import time

from falcon_rules import bundle
from falcon_sensor.api import health as shape
from falcon_sensor.app import memory, working
from falcon_sensor.outputs import base
from falcon_sensor.pipeline import consumer, ownership
from falcon_sensor.state import view


def health(
    consuming: consumer.Consumer,
    current: working.Working,
    sums: working.Sums,
    owner: ownership.Owner | None,
    state: view.State,
    outputs: base.Outputs,
    seen: float,
) -> shape.Health:
    """seen: when the main thread last came by, time.monotonic. Everything else is read as it is now."""
    told = consuming.tally.by_both.copy()
    return shape.Health(
        attached=current.plan is not None,
        consuming=consuming.alive,
        idle=time.monotonic() - seen,
        alerts=tuple((rule, bundle.Priority(priority).label, count) for (rule, priority), count in told.items()),
        matches=dict(sums.matches),
        suppressed=dict(sums.suppressed),
        rule_errors=dict(+sums.errors),
        records=dict(sums.records),
        drops=dict(sums.dropped),
        left_out=sums.missed,
        failures=consuming.failures,
        ring_used=current.probes.ring.backlog,
        ring_size=current.ring_bytes,
        last_event=state.clock.wall(consuming.last_time) / 1e9 if consuming.last_time else 0.0,
        foreign=owner.foreign if owner is not None else 0,
        unknown=owner.unknown if owner is not None else 0,
        held=owner.held if owner is not None else 0,
        outputs=tuple(
            shape.Output(each.sink.name, each.waiting, each.delivered, each.lost, each.own()) for each in outputs.all()
        ),
        rules=len(current.engine.running),
        processes=state.known_processes,
        pods=len(state.pods),
        rss=memory.resident(),
    )

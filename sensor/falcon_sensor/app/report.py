"""How the sensor is, put together from its parts for `api.health`."""

from __future__ import annotations

import time
from typing import NamedTuple

from falcon_rules import bundle
from falcon_sensor.api import health as shape
from falcon_sensor.app import labels, memory, selfwatch, working
from falcon_sensor.outputs import base
from falcon_sensor.pipeline import canary, consumer, ownership, troubles
from falcon_sensor.state import view


class Parts(NamedTuple):
    """Of a sensor; they stay the same as long as it runs."""

    consuming: consumer.Consumer
    watch: selfwatch.Watch
    own: canary.Canary
    troubles: troubles.Troubles
    owner: ownership.Owner | None
    state: view.State
    outputs: base.Outputs
    names: labels.Labels


def health(parts: Parts, current: working.Working, sums: working.Sums, seen: float) -> shape.Health:
    """seen: when the main thread last came by, time.monotonic. Everything else is read as it is now."""
    consuming, owner, state = parts.consuming, parts.owner, parts.state
    told, names = consuming.tally.by_both.copy(), parts.names
    names.admit((sums.matches, sums.errors, sums.microseconds), (rule.name for rule in current.engine.running))
    return shape.Health(
        attached=current.plan is not None,
        backend=current.probes.backend.upper(),
        consuming=consuming.alive and parts.watch.alive,
        idle=time.monotonic() - seen,
        alerts=tuple(
            (rule, bundle.Priority(priority).label, count) for (rule, priority), count in names.told(told).items()
        ),
        matches=names.shown(sums.matches),
        suppressed=names.shown(sums.suppressed),
        rule_errors=names.shown(+sums.errors),
        rule_seconds=names.shown({rule: count / 1e6 for rule, count in sums.microseconds.items()}),
        seen=dict(sums.seen),
        records=dict(sums.records),
        drops=dict(sums.dropped),
        hooks={hook: (count, sums.nanoseconds[hook] / 1e9) for hook, count in sums.runs.items()},
        left_out=sums.missed,
        failures=consuming.failures,
        ring_used=current.probes.ring.backlog,
        ring_size=current.ring_bytes,
        last_event=state.clock.wall(consuming.last_time) / 1e9 if consuming.last_time else 0.0,
        foreign=owner.foreign if owner is not None else 0,
        unknown=owner.unknown if owner is not None else 0,
        held=owner.held if owner is not None else 0,
        outputs=tuple(
            shape.Output(each.sink.name, each.waiting, each.delivered, each.lost, each.own())
            for each in parts.outputs.all()
        ),
        rules=len(current.engine.running),
        processes=state.known_processes,
        pods=len(state.pods),
        rss=memory.resident(),
        blind=parts.watch.blind,
        troubles=parts.troubles.active(),
        internal_alerts=dict(parts.troubles.told),
        trouble_seconds=dict(parts.troubles.seconds),
        canaries=parts.own.answered,
        latency=parts.own.latency,
    )

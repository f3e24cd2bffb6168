"""`evt.*time*`: when it happened."""

from __future__ import annotations

from collections.abc import Callable

from falcon_rules import times
from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds

SECOND = 1_000_000_000


def _text(form: Callable[[int], str]) -> kinds.Extractor:
    return lambda e: form(e.wall).encode()


def _distance_from_first(e: event.Event) -> int:
    return max(0, e.head.time - (e.session.first or e.head.time))


PLAIN: kinds.Plain = {
    **{name: _text(form) for name, form in times.TEXT_FIELDS.items()},
    "evt.rawtime": lambda e: e.wall,
    "evt.rawtime.s": lambda e: e.wall // SECOND,
    "evt.rawtime.ns": lambda e: e.wall % SECOND,
    "evt.reltime": _distance_from_first,
    "evt.reltime.s": lambda e: _distance_from_first(e) // SECOND,
    "evt.reltime.ns": lambda e: _distance_from_first(e) % SECOND,
    "evt.deltatime": lambda e: e.delta,
    "evt.deltatime.s": lambda e: e.delta // SECOND,
    "evt.deltatime.ns": lambda e: e.delta % SECOND,
    # Entry events are gone, so nothing is left to measure a latency from.
    "evt.latency": kinds.constant(0),
    "evt.latency.s": kinds.constant(0),
    "evt.latency.ns": kinds.constant(0),
    "evt.latency.human": kinds.constant(b"0ns"),
    "evt.wait_latency": kinds.constant(0),
}

MISSING: kinds.Missing = {"evt.around": "its comparison (within, not equal) is not there yet"}

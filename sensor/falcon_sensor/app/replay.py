"""`falcon-sensor replay`: what rules would have told of a recording. Needs no root and no kernel.

Deterministic: the same file and rules give the same lines, so the alerts' ids are made from their
place and no clock of this machine is looked at.
"""

from __future__ import annotations

import dataclasses
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.app import prepare, rulefiles, terminal
from falcon_sensor.engine import engine
from falcon_sensor.outputs import base, render
from falcon_sensor.recording import file, replayed
from falcon_sensor.settings import model

_IDS = uuid.UUID("6d2f2f0e-3c0b-5f0c-9a57-0f6a5f6c2a11")
"""Namespace of the alerts' ids; any would do."""


@dataclass(frozen=True, slots=True)
class Request:
    """every: every rule that holds tells, not only the first."""

    recording: str
    rules: tuple[str, ...]
    json: bool = False
    every: bool = False


def run(request: Request) -> int:
    """Prints the alerts. Returns the exit code: 0, or 1 with the reason on standard error."""
    try:
        rules = rulefiles.compiled(request.rules)
        reader = file.Reader(request.recording)
        show = render.renderer(model.Settings(json_output=request.json))
        events = told = 0
        for found in replay(reader, rules, every=request.every):
            events += 1
            told += len(found)
            terminal.write(sys.stdout, "".join(show(alert).decode() for alert in found))
    except prepare.Failed as error:
        terminal.report(error)
        return 1
    except file.Unusable as error:
        base.say(str(error))
        return 1
    lost = "; the recording was cut off" if reader.lost is None else f", {reader.lost} lost" if reader.lost else ""
    base.say(f"{events} events{lost}, {told} alerts")
    return 0


def replay(reader: file.Reader, rules: bundle.Bundle, *, every: bool = False) -> Iterator[list[alerts.Alert]]:
    """The alerts of each event, in order; without limits, so that nothing is held back. Raises file.Unusable."""
    state = replayed.State(reader)
    options = engine.Options(
        rule_matching="all" if every else "first", hostname=reader.header.hostname, rate_limit=None
    )
    judge = engine.Engine(rules, state, options)
    for number, event in enumerate(reader.events(), 1):
        state.turn_to(event)
        found = judge.evaluate(event.record)
        yield [dataclasses.replace(alert, uuid=_id(number, place, alert)) for place, alert in enumerate(found)]


def _id(number: int, place: int, alert: alerts.Alert) -> str:
    return str(uuid.uuid5(_IDS, f"{number}/{place}/{alert.time}/{alert.rule}"))

"""The process that reads a packed bundle and plans for it, see `unpacking`.

Run as `python -m falcon_sensor.app.unpack`: one request on standard input, one pickled answer on
standard output. A rule that cannot run here is left out with its reason; the others go on.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import pickle
import sys
from collections.abc import Collection, Iterator

from falcon_rules import bundle, wire
from falcon_sensor.app import unpacking
from falcon_sensor.engine.fields import registry
from falcon_sensor.kernel.plan import build
from falcon_sensor.records import layout


def answer(digest: str, packed: bytes, priority: int, leave_out: Collection[str]) -> unpacking.Answer:
    """See `unpacking.unpack`. digest: ``sha256:...`` as announced."""
    try:
        data = wire.unpack(packed)
        found = f"sha256:{wire.digest(data)}"
        if found != digest:
            return unpacking.Answer(None, f"the bundle is damaged: its digest is {found}, announced was {digest}")
        rules = wire.loads(data)
    except wire.WireError as error:
        return unpacking.Answer(None, str(error), version=str(error).startswith("the bundle has format version"))
    return unpacking.Answer(runnable(rules, priority, leave_out))


def runnable(rules: bundle.Bundle, priority: int, leave_out: Collection[str] = ()) -> unpacking.Unpacked:
    """The rules that can run here, with their plan."""
    kept, errors = [], []
    for rule in rules.rules:
        if rule.priority > priority or rule.uid in leave_out:
            continue
        if problems := list(dict.fromkeys(_problems(rule))):
            errors.append((rule.uid, "; ".join(problems)))
        else:
            kept.append(rule)
    chosen = dataclasses.replace(rules, rules=tuple(kept))
    return unpacking.Unpacked(chosen, build.build(chosen) if kept else None, tuple(errors))


def _problems(rule: bundle.Rule) -> Iterator[str]:
    """Why the rule would be silent here, or could not be told."""
    for field in registry.fields_of(rule.condition):
        if reason := registry.reason(field):
            yield f"this sensor cannot fill {registry.written(field)}: {reason}"
    for field in registry.output_fields(rule.output):
        try:
            registry.resolver(field)
        except KeyError:
            yield f"this sensor does not know {registry.written(field)}"
    if rule.event_types and not set(layout.EVENTS) & set(rule.event_types):
        yield f"this sensor does not watch {', '.join(rule.event_types[:5])}"


def main() -> None:
    gc.disable()  # nothing is dropped here that would not live until the end
    head = json.loads(sys.stdin.buffer.readline())
    found = answer(head["digest"], sys.stdin.buffer.read(), head["priority"], frozenset(head["leave_out"]))
    sys.stdout.buffer.write(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

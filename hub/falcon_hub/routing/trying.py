"""`falcon-hub test-sink NAME`: one alert through one sink, and what the receiver said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from falcon_hub import alerts
from falcon_hub.routing import rendering
from falcon_hub.settings import model
from falcon_hub.sinks import base, options, redaction, registry
from falcon_rules import bundle


def alert(priority: bundle.Priority) -> alerts.Alert:
    """An alert that nobody takes for a real one."""
    fields = {"k8s.ns.name": "default", "k8s.pod.name": "falcon-test", "proc.cmdline": "true", "user.name": "nobody"}
    text = "This is a test of falcon-hub; nothing happened"
    return alerts.make("Falcon Test", text, priority, ("falcon", "test"), **fields)


def chosen(name: str, sinks: Sequence[model.Sink], defaults: Mapping[str, Any]) -> options.Common:
    """The options of a sink. Raises base.Unusable, which says which there are."""
    found = registry.read(sinks, defaults)
    for each in found:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in found) or "none"
    raise base.Unusable(f"there is no sink {name!r}; the settings have: {known}")


async def send(wanted: options.Common, found: alerts.Alert, link: str | None = None) -> str | None:
    """Sends it once, whatever the sink's match and rate say; why it did not arrive, None when it did. Raises
    base.Unusable."""
    sink = registry.make(wanted)
    redact = redaction.Redactor(wanted.secrets())
    try:
        message = rendering.Renderer(wanted, sink.escape, link).one(found)
        async with asyncio.timeout(2 * wanted.timeout_seconds):
            outcome = await sink.send([message])
    except TimeoutError:
        return f"no answer within {2 * wanted.timeout_seconds:g} s"
    finally:
        await sink.close()
    if outcome.failure is not None:
        return redact(str(outcome.failure))
    return redact(outcome.refused[0]) if outcome.refused else None

"""From settings to outputs: which there are, and how each renders an alert."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from falcon_sensor import alerts
from falcon_sensor.outputs import base, file, render, stdout
from falcon_sensor.outputs.kubernetes_events import sink as events
from falcon_sensor.outputs.webhook import sink as webhook
from falcon_sensor.settings import model


class Unusable(Exception):
    """An output cannot be used as set; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Built:
    """stdout: None when alerts do not go there."""

    outputs: base.Outputs
    stdout: stdout.Stdout | None


def outputs(settings: model.Settings) -> Built:
    """Opens every output that is enabled. Raises Unusable."""
    line = render.renderer(settings)
    sinks: list[base.Sink] = []
    console = stdout.Stdout(line) if settings.stdout_output.enabled else None
    if console is not None:
        sinks.append(console)
    if settings.file_output.enabled:
        sinks.append(_file(settings, line))
    if settings.http_output.enabled:
        sinks.append(_webhook(settings))
    if events.wanted(settings):
        sinks.append(_events(settings))
    capacity = settings.outputs_queue.capacity
    return Built(base.Outputs([base.Output(sink, capacity) for sink in sinks]), console)


def _file(settings: model.Settings, line: Callable[[alerts.Alert], bytes]) -> file.File:
    name = settings.file_output.filename
    try:
        return file.File(settings.file_output, line)
    except OSError as error:
        raise Unusable(f"file_output.filename: cannot write {name}: {error.strerror}") from None


def _webhook(settings: model.Settings) -> webhook.Webhook:
    try:
        return webhook.Webhook(settings.http_output, render.as_json(settings))
    except webhook.Unusable as error:
        raise Unusable(str(error)) from None


def _events(settings: model.Settings) -> events.KubernetesEvents:
    try:
        return events.KubernetesEvents(settings)
    except events.Unusable as error:
        raise Unusable(str(error)) from None

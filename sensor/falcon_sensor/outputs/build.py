"""From settings to outputs: which there are, and how each renders an alert."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from falcon_sensor import alerts
from falcon_sensor.outputs import base, file, render, stdout
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
    if _events_wanted(settings):
        sinks.append(_events(settings))
    capacity = settings.outputs_queue.capacity
    return Built(base.Outputs([base.Output(sink, capacity) for sink in sinks]), console)


def _file(settings: model.Settings, line: Callable[[alerts.Alert], bytes]) -> file.File:
    name = settings.file_output.filename
    try:
        return file.File(settings.file_output, line)
    except OSError as error:
        raise Unusable(f"file_output.filename: cannot write {name}: {error.strerror}") from None


# HTTP and TLS cost 8 MB and 60 ms to import, so only those who want them pay.


def _webhook(settings: model.Settings) -> base.Sink:
    from falcon_sensor.outputs.webhook import sink

    try:
        return sink.Webhook(settings.http_output, render.as_json(settings))
    except sink.Unusable as error:
        raise Unusable(str(error)) from None


def _events_wanted(settings: model.Settings) -> bool:
    enabled = settings.kubernetes_events.enabled
    return settings.cluster.enabled if enabled is None else enabled


def _events(settings: model.Settings) -> base.Sink:
    from falcon_sensor.outputs.kubernetes_events import sink

    try:
        return sink.KubernetesEvents(settings)
    except sink.Unusable as error:
        raise Unusable(str(error)) from None

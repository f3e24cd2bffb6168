"""From settings to outputs: which there are, and how each renders an alert."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from falcon_rules import bundle
from falcon_sensor import alerts
from falcon_sensor.outputs import base, file, render, stdout
from falcon_sensor.settings import feeds, model, options


class Unusable(Exception):
    """An output cannot be used as set; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Built:
    """stdout: None when alerts do not go there."""

    outputs: base.Outputs
    stdout: stdout.Stdout | None


class _Section(Protocol):
    """An output's section in the settings."""

    @property
    def minimum_priority(self) -> options.Priority: ...


def outputs(settings: model.Settings) -> Built:
    """Opens every output that is enabled. Raises Unusable."""
    line = render.renderer(settings)
    console = stdout.Stdout(line) if settings.stdout_output.enabled else None
    capacity = settings.outputs_queue.capacity
    made = [base.Output(sink, capacity, minimum=_minimum(section)) for section, sink in _sinks(settings, console, line)]
    return Built(base.Outputs(made), console)


def _minimum(section: _Section) -> bundle.Priority | None:
    if isinstance(section, feeds.GrpcOutput) and not section.enabled:
        return None
    return bundle.Priority[options.level(section.minimum_priority)]


def _sinks(
    settings: model.Settings, console: stdout.Stdout | None, line: render.Render
) -> list[tuple[_Section, base.Sink]]:
    found: list[tuple[_Section, base.Sink]] = []
    if console is not None:
        found.append((settings.stdout_output, console))
    if settings.file_output.enabled:
        found.append((settings.file_output, _file(settings, line)))
    if settings.syslog_output.enabled:
        found.append((settings.syslog_output, _syslog(settings, line)))
    if settings.program_output.enabled:
        found.append((settings.program_output, _program(settings, line)))
    if settings.http_output.enabled:
        found.append((settings.http_output, _webhook(settings)))
    if settings.grpc.enabled:
        found.append((settings.grpc_output, _grpc(settings)))
    if _events_wanted(settings):
        found.append((settings.kubernetes_events, _events(settings)))
    return found


def _file(settings: model.Settings, line: Callable[[alerts.Alert], bytes]) -> file.File:
    name = settings.file_output.filename
    try:
        return file.File(settings.file_output, line)
    except OSError as error:
        raise Unusable(f"file_output.filename: cannot write {name}: {error.strerror}") from None


# What follows is imported by those alone who want it; HTTP and TLS, for instance, cost 8 MB and 60 ms.


def _syslog(settings: model.Settings, line: render.Render) -> base.Sink:
    from falcon_sensor.outputs.syslog import sink

    try:
        return sink.Syslog(settings.syslog_output, line, as_json=settings.json_output)
    except sink.Unusable as error:
        raise Unusable(str(error)) from None


def _program(settings: model.Settings, line: render.Render) -> base.Sink:
    from falcon_sensor.outputs.program import sink

    try:
        return sink.Program(settings.program_output, line)
    except sink.Unusable as error:
        raise Unusable(str(error)) from None


def _webhook(settings: model.Settings) -> base.Sink:
    from falcon_sensor.outputs.webhook import sink

    try:
        return sink.Webhook(settings.http_output, render.as_json(settings))
    except sink.Unusable as error:
        raise Unusable(str(error)) from None


def _grpc(settings: model.Settings) -> base.Sink:
    from falcon_sensor.outputs.grpc import sink

    try:
        return sink.Grpc(settings)
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

"""What types cannot say: options that only make sense together. Used by `load`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from falcon_sensor.settings import feeds, model, receivers

Path = tuple[str | int, ...]


def problems(settings: model.Settings) -> Iterator[tuple[Path, str]]:
    """(where, what is wrong) of settings that are right one by one."""
    if settings.ring_bytes & (settings.ring_bytes - 1):
        below = 1 << (settings.ring_bytes.bit_length() - 1)
        yield ("ring_bytes",), f"ring_bytes must be a power of two, such as {below} or {below * 2}"
    for index, entry in enumerate(settings.rules):
        chosen = [each for each in (entry.enable, entry.disable) if each is not None]
        if len(chosen) != 1:
            yield ("rules", index), "each entry of rules needs exactly one of enable and disable"
        elif (chosen[0].rule is None) == (chosen[0].tag is None):
            yield ("rules", index), "enable and disable need exactly one of rule and tag"
    if settings.http_output.enabled:
        yield from _http(settings.http_output)
    if settings.syslog_output.enabled:
        yield from _client_certificate("syslog_output", settings.syslog_output)
    if settings.program_output.enabled:
        yield from _program(settings.program_output)
    if settings.grpc_output.enabled and not settings.grpc.enabled:
        yield ("grpc_output", "enabled"), "grpc_output.enabled needs grpc.enabled"


def _http(settings: receivers.HttpOutput) -> Iterator[tuple[Path, str]]:
    here = "http_output"
    if not settings.url:
        yield (here, "enabled"), "http_output.enabled needs http_output.url"
    yield from _client_certificate(here, settings)
    basic = settings.basic_auth
    ways = (settings.bearer_token, settings.bearer_token_file, basic.username)
    if sum(way is not None for way in ways) > 1:
        yield (here,), "http_output: give one of bearer_token, bearer_token_file and basic_auth"
    if basic.password is not None and basic.password_file is not None:
        yield (here, "basic_auth"), "http_output.basic_auth: give one of password and password_file"
    if basic.username is None and (basic.password is not None or basic.password_file is not None):
        yield (here, "basic_auth"), "http_output.basic_auth needs a username"


def _client_certificate(here: str, settings: receivers.HttpOutput | feeds.SyslogOutput) -> Iterator[tuple[Path, str]]:
    if settings.mtls and not (settings.client_cert and settings.client_key):
        yield (here, "mtls"), f"{here}.mtls needs client_cert and client_key"
    if not settings.mtls and (settings.client_cert or settings.client_key):
        yield (here, "client_cert"), f"{here}.client_cert and client_key need mtls: true"


_FOR_A_SHELL = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"})


def _program(settings: feeds.ProgramOutput) -> Iterator[tuple[Path, str]]:
    here = ("program_output", "program")
    command = settings.program
    if not command:
        yield ("program_output", "enabled"), "program_output.enabled needs program_output.program"
    elif settings.shell and not isinstance(command, str):
        yield here, "program_output.program must be text where shell is true, not a list"
    elif not settings.shell and isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            yield here, f"program_output.program cannot be split into words: {str(error).lower()}"
            return
        if signs := [word for word in words if word in _FOR_A_SHELL]:
            yield here, f"program_output.program has {signs[0]!r}, which only a shell understands: set shell: true"

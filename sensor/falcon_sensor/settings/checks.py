"""What types cannot say: options that only make sense together. Used by `load`."""

from __future__ import annotations

from collections.abc import Iterator

from falcon_sensor.settings import model, receivers

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


def _http(settings: receivers.HttpOutput) -> Iterator[tuple[Path, str]]:
    here = "http_output"
    if not settings.url:
        yield (here, "enabled"), "http_output.enabled needs http_output.url"
    if settings.mtls and not (settings.client_cert and settings.client_key):
        yield (here, "mtls"), "http_output.mtls needs client_cert and client_key"
    if not settings.mtls and (settings.client_cert or settings.client_key):
        yield (here, "client_cert"), "http_output.client_cert and client_key need mtls: true"
    basic = settings.basic_auth
    ways = (settings.bearer_token, settings.bearer_token_file, basic.username)
    if sum(way is not None for way in ways) > 1:
        yield (here,), "http_output: give one of bearer_token, bearer_token_file and basic_auth"
    if basic.password is not None and basic.password_file is not None:
        yield (here, "basic_auth"), "http_output.basic_auth: give one of password and password_file"
    if basic.username is None and (basic.password is not None or basic.password_file is not None):
        yield (here, "basic_auth"), "http_output.basic_auth needs a username"

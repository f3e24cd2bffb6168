"""Which kinds of sinks there are, and how a list of settings becomes sinks."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import pydantic

from falcon_hub.settings import model
from falcon_hub.sinks import base, options

Made: TypeAlias = tuple[options.Common, base.Sink]

TYPES: Final[Mapping[str, tuple[str, str, str]]] = {
    "alertmanager": ("alertmanager", "Options", "Alertmanager"),
    "apprise": ("apprise", "Options", "Apprise"),
    "discord": ("discord", "Options", "Discord"),
    "elasticsearch": ("elastic", "Options", "Elastic"),
    "email": ("mail", "Options", "Mail"),
    "falcosidekick": ("webhook", "Falcosidekick", "Webhook"),
    "kafka": ("kafka", "Options", "Kafka"),
    "loki": ("loki", "Options", "Loki"),
    "opensearch": ("elastic", "Options", "Elastic"),
    "opsgenie": ("opsgenie", "Options", "Opsgenie"),
    "pagerduty": ("pagerduty", "Options", "PagerDuty"),
    "slack": ("slack", "Options", "Slack"),
    "syslog": ("syslog", "Options", "Syslog"),
    "teams": ("teams", "Options", "Teams"),
    "telegram": ("telegram", "Options", "Telegram"),
    "webhook": ("webhook", "Options", "Webhook"),
}
"""Type to module, options and sink. A module is imported when a sink of its type is set."""


def options_of(kind: str) -> type[options.Common]:
    """The model of a type's options. KeyError: there is no such type."""
    module, model, _ = TYPES[kind]
    return cast(type[options.Common], getattr(_module(module), model))


def read(entries: Sequence[model.Sink], defaults: Mapping[str, Any] | None = None) -> list[options.Common]:
    """The options of each entry of `sinks`. defaults: what `routing` says for all of them. Raises base.Unusable, which
    says which entry and what."""
    found: list[options.Common] = []
    for number, entry in enumerate(entries):
        wanted = _read({**_common(defaults or {}), **entry.options, "name": entry.name, "type": entry.type}, number)
        if any(wanted.name == other.name for other in found):
            raise base.Unusable(f"sinks: two are called {wanted.name!r}; a name is how the store remembers each")
        found.append(wanted)
    return found


def make(wanted: options.Common) -> base.Sink:
    """The sink. Raises base.Unusable, which names it."""
    module, _, sink = TYPES[wanted.type]
    try:
        return cast(base.Sink, getattr(_module(module), sink)(wanted))
    except base.Unusable as error:
        raise base.Unusable(f"sink {wanted.name}: {error}") from None


def _read(entry: Mapping[str, Any], number: int) -> options.Common:
    kind = entry["type"]
    if kind not in TYPES:
        raise base.Unusable(f"sinks[{number}].type: {str(kind)[:60]!r} is none of {', '.join(sorted(TYPES))}")
    try:
        return options_of(kind).model_validate(dict(entry))
    except pydantic.ValidationError as error:
        where = f"sinks[{number}] ({entry['name']})"
        problems = [f"{where}{_problem(each)}" for each in error.errors(include_input=False)]
        raise base.Unusable("; ".join(problems)) from None


def _common(defaults: Mapping[str, Any]) -> dict[str, Any]:
    for name in defaults:
        if name not in options.Common.model_fields or name in ("name", "type", "enabled"):
            raise base.Unusable(f"routing.{name}: there is no such option for all sinks")
    return dict(defaults)


def _problem(each: Any) -> str:
    """Where and what, never the value: it may be a secret in the wrong place."""
    place = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in each["loc"])
    if each["type"] == "extra_forbidden":
        return f"{place}: there is no such option"
    if each["type"] == "missing":
        return f"{place}: must be given"
    return f"{place}: {each['msg'].removeprefix('Value error, ')}"


def _module(name: str) -> Any:
    return importlib.import_module(f"falcon_hub.sinks.{name}")

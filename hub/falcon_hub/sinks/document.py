"""The options of sinks for people: `falcon-hub sinks`, and the tables of docs/hub-sinks.md."""

from __future__ import annotations

import json
import types
import typing
from typing import Any, Final

import pydantic
from pydantic.fields import FieldInfo

from falcon_hub.settings import model, secrets
from falcon_hub.sinks import options, registry

_ABOUT: Final = {
    "alertmanager": "Prometheus' Alertmanager, API v2",
    "apprise": "the hundred others that Apprise knows",
    "discord": "a Discord channel's webhook",
    "elasticsearch": "Elasticsearch, bulk API",
    "email": "mail over SMTP",
    "falcosidekick": "Falcosidekick itself",
    "kafka": "Apache Kafka and what speaks its protocol",
    "loki": "Grafana Loki, push API",
    "opensearch": "OpenSearch, bulk API",
    "opsgenie": "Opsgenie's Alert API",
    "pagerduty": "PagerDuty, Events API v2",
    "slack": "Slack's incoming webhooks; Mattermost and Rocket.Chat take the same",
    "syslog": "a syslog server, RFC 5424",
    "teams": "Microsoft Teams, a workflow's webhook",
    "telegram": "a Telegram bot",
    "webhook": "any receiver of JSON over HTTP",
}


def kinds() -> str:
    """All types, a line each."""
    width = max(map(len, registry.TYPES))
    return "".join(f"{kind:{width}}  {_ABOUT[kind]}\n" for kind in registry.TYPES)


def kind(name: str) -> str:
    """The options of one type as text. KeyError: there is no such type."""
    chosen = registry.options_of(name)
    own = rows(chosen, leaving=options.Common)
    lines = [f"# {_ABOUT[name]}", "- name: it", f"  type: {name}"]
    lines += [f"  {option}: {default}  # {text}" for option, default, text in own]
    lines += ["  # for every sink:"]
    lines += [f"  {option}: {default}  # {text}" for option, default, text in rows(options.Common)[2:]]
    return "\n".join(lines) + "\n"


def tables() -> str:
    """Markdown for all types."""
    parts = ["### Every sink\n", _table(rows(options.Common))]
    parts += [f"### {name}: {_ABOUT[name]}\n\n{_limit(name)}{_table(_own(name))}" for name in registry.TYPES]
    parts += ["### Over HTTP\n", "Every sink but `email`, `kafka`, `syslog` and `apprise` has these, too.\n"]
    parts += [_table(rows(options.OverHttp, leaving=options.Common))]
    return "\n".join(parts)


def _own(name: str) -> list[tuple[str, str, str]]:
    chosen = registry.options_of(name)
    return rows(chosen, leaving=options.OverHttp if issubclass(chosen, options.OverHttp) else options.Common)


def _limit(name: str) -> str:
    chosen = registry.options_of(name)
    return f"Rate limit where none is set: {_rate(chosen)}.\n\n" if chosen.rate else ""


def _table(found: list[tuple[str, str, str]]) -> str:
    lines = ["| option | default | |", "|---|---|---|"]
    return (
        "\n".join([*lines, *(f"| `{name}` | {_code(default)} | {_cell(text)} |" for name, default, text in found)])
        + "\n"
    )


def rows(
    chosen: type[pydantic.BaseModel], leaving: type[pydantic.BaseModel] | None = None, above: str = ""
) -> list[tuple[str, str, str]]:
    """Name, default, meaning, those of groups with the group's name in front. leaving: without this model's."""
    found: list[tuple[str, str, str]] = []
    known = leaving.model_fields if leaving else {}
    for name, field in chosen.model_fields.items():
        if name in known and name != "type":
            continue
        if name == "type" and (leaving or above):
            continue
        group = _group(field.annotation)
        optional = field.default is None or field.is_required()
        if group is not None and not optional:
            found += rows(group, above=f"{above}{name}.")
            continue
        text = field.description or ("kind of receiver" if name == "type" else _first_line(group))
        if name in model.secret_names(chosen):
            text += f" (secret: or `{name}_file`, `{name}_env`)"
        found.append((above + name, _default(chosen, name, field), text))
        if group is not None:
            found += rows(group, above=f"{above}{name}.")
    return found


def _group(annotation: Any) -> type[pydantic.BaseModel] | None:
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((each for each in members if isinstance(each, type) and issubclass(each, options.Base)), None)


def _first_line(group: type[pydantic.BaseModel] | None) -> str:
    return (group.__doc__ or "").split("\n")[0] if group else ""


def _default(chosen: type[pydantic.BaseModel], name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.default
    if name == "rate_limit" and issubclass(chosen, options.Common):
        return _rate(chosen)
    if isinstance(value, secrets.Secret):
        return "***"
    return json.dumps(value) if value is not None else "none"


def _rate(chosen: type[options.Common]) -> str:
    if chosen is options.Common:
        return "the type's"
    return f"{chosen.rate.messages} in {chosen.rate.per_seconds:g} s" if chosen.rate else "none"


def _code(default: str) -> str:
    return default if default in ("must be given", "none", "the type's") else f"`{default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(tables())

"""An exception's text, in both forms that rules have: an entry of a Falco rule file, and what the manifest of a
FalconRule or ClusterFalconRule takes. Pure; each text is read back by what reads rules before anybody sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from falcon_hub import alerts
from falcon_hub.web import asking
from falcon_rules import evaluate, times, typed
from falcon_rules.evaluate import mapping
from falcon_rules.loading import compilation, library, manifests
from falcon_rules.model import definitions, documents
from falcon_rules.model import manifests as models
from falcon_rules.syntax import operators, quoting

_BARE = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@-]*")
_BREAKS = re.compile("[\n\r\x85\u2028\u2029]")
_WORDS: Final = frozenset({"and", "or", "not", "exists", "true", "false", *operators.ALL})
_ALWAYS: Final = {"condition": "evt.num >= 0", "output": "x", "priority": "INFO"}
"""A rule that holds for every event."""


def rule_file(alert: alerts.Alert, chosen: Mapping[str, Any]) -> str:
    """To append to rule files. chosen: the fields, with the values they must have. Raises asking.BadQuestion."""
    rule = {
        "rule": alert.rule,
        "exceptions": [_exception(alert, chosen, str)],
        "override": {"exceptions": "append"},
    }
    text = _head(alert) + _yaml([rule])
    whole = _yaml([{"rule": alert.rule, "desc": "x", **_ALWAYS}])
    result = compilation.compile([documents.Document("rule", whole), documents.Document("exception", text)])
    messages = [each.message for each in result.errors]
    _prove(result.rules[0].condition if result.rules and not messages else None, messages, chosen)
    return text


def manifest(alert: alerts.Alert, chosen: Mapping[str, Any]) -> str:
    """The part of a manifest that holds it. Raises asking.BadQuestion."""
    body = {"spec": {"exceptions": [_exception(alert, chosen, _Quoted)]}}
    text = _head(alert) + _yaml(body)
    given = yaml.load(text, Loader=yaml.CSafeLoader)["spec"]
    spec, found = manifests.parse(models.ClusterRuleSpec, {**_ALWAYS, **given}, "exception")
    condition = None
    if spec is not None:
        definition, local = manifests.rule_definition(spec, "exception", "exception")
        found = tuple(local.diagnostics)
        if definition is not None:
            compiled = library.Library(definitions.Loaded()).compile(definition, local)
            found += compiled.diagnostics
            condition = compiled.rule.condition if compiled.rule is not None else None
    _prove(condition, [each.message for each in found if each.is_error], chosen)
    return text


def _head(alert: alerts.Alert) -> str:
    return f"# From the alert {alert.uuid}\n# of {times.rfc3339(alert.time_ns)}\n"


def _exception(alert: alerts.Alert, chosen: Mapping[str, Any], kind: type[str]) -> dict[str, Any]:
    """kind: of the values' texts."""
    return {
        "name": f"alert_{alert.uuid[:8]}",
        "fields": list(chosen),
        "comps": ["="] * len(chosen),
        "values": [[kind(_written(value)) for value in chosen.values()]],
    }


class _Quoted(str):
    """A text that stands between double quotes whatever it is: where kubectl reads YAML, 1e3 would be a number."""


class _Dumper(yaml.SafeDumper):
    """Writes texts with line breaks of any kind so that they are read as they are: only between double quotes YAML
    folds nothing."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = isinstance(text, _Quoted) or _BREAKS.search(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), '"' if quoted else None)


_Dumper.add_representer(str, _represent)
_Dumper.add_representer(_Quoted, _represent)


def _yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=50)


def _written(value: Any) -> str:
    """As the language reads it in a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if not isinstance(value, str) or (_BARE.fullmatch(text) and text not in _WORDS):
        return text
    return quoting.quote(text)


def _prove(condition: typed.Condition | None, messages: list[str], chosen: Mapping[str, Any]) -> None:
    """A rule that always holds must be silent about these values."""
    if condition is None or messages:
        raise asking.BadQuestion(f"no exception can be written: {messages[0] if messages else 'it cannot be read'}")
    if evaluate.compile_condition(condition, mapping.resolver)({"evt.num": 1, **chosen}):
        raise asking.BadQuestion("no exception can be written that fits these values")

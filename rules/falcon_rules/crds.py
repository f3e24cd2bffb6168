"""The custom resource definitions, made from the models.

Models say what is valid; here that becomes the dialect of schemas that API servers since 1.16
read: structural, without references, without CEL (servers before 1.25 drop or refuse it, and the
admission webhook's messages are better anyway). What a schema cannot say is left open and checked
by the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pydantic
import yaml

from falcon_rules.model import manifests, statuses

_KEPT: Final = frozenset(
    {
        *("type", "description", "enum", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
        *("minItems", "maxItems", "maxProperties", "required", "default"),
        *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-preserve-unknown-fields"),
    }
)
"""Keys taken over as they are; those with schemas inside are translated, all others left out."""
_ANYTHING: Final = {"x-kubernetes-preserve-unknown-fields": True}

_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_AGE: Final = ("Age", "date", ".metadata.creationTimestamp", 0)
_STATE_COLUMNS: Final = (
    ("Ready", "string", f"{_READY}.status", 0),
    ("Reason", "string", f"{_READY}.reason", 0),
)
_LOADED_COLUMNS: Final = (
    ("Loaded", "integer", ".status.nodes.loaded", 0),
    ("Desired", "integer", ".status.nodes.desired", 0),
)
_RULE_COLUMNS: Final = (
    ("Priority", "string", ".spec.priority", 0),
    ("Mode", "string", ".spec.mode", 0),
    *_STATE_COLUMNS,
    *_LOADED_COLUMNS,
    _AGE,
)
_SET_COLUMNS: Final = (("Rules", "integer", ".status.compiled.rules", 0), *_STATE_COLUMNS, *_LOADED_COLUMNS, _AGE)
_NODE_COLUMNS: Final = (
    *_STATE_COLUMNS,
    ("Rules", "integer", ".status.rules", 0),
    ("Backend", "string", ".status.backend", 0),
    ("Kernel", "string", ".status.kernel", 1),
    ("Version", "string", ".status.version", 1),
    _AGE,
)


def definitions() -> list[dict[str, Any]]:
    """One CustomResourceDefinition (apiextensions.k8s.io/v1) for each kind."""
    return [
        _definition(
            manifests.Kind.RULE,
            "fr",
            "Namespaced",
            "A rule about the pods of its namespace.",
            manifests.RuleSpec,
            statuses.RuleStatus,
            _RULE_COLUMNS,
        ),
        _definition(
            manifests.Kind.CLUSTER_RULE,
            "cfr",
            "Cluster",
            "A rule about the whole cluster and its hosts.",
            manifests.ClusterRuleSpec,
            statuses.RuleStatus,
            _RULE_COLUMNS,
        ),
        _definition(
            manifests.Kind.RULE_SET,
            "frs",
            "Cluster",
            "Macros and lists for all rules, and Falco rule files as they are.",
            manifests.RuleSetSpec,
            statuses.RuleStatus,
            _SET_COLUMNS,
        ),
        _definition(
            manifests.Kind.NODE,
            "fn",
            "Cluster",
            "One node's sensor as the operator knows it. Made by the operator; there is nothing to set.",
            None,
            statuses.NodeStatus,
            _NODE_COLUMNS,
        ),
    ]


def files() -> dict[str, str]:
    """File name -> YAML of each definition, as `crds/` and the chart have them."""
    return {
        f"{manifests.GROUP}_{each['spec']['names']['plural']}.yaml": (
            "# Generated from rules/falcon_rules/model/ by `make crds`; do not edit.\n"
            + yaml.safe_dump(each, sort_keys=False, width=110, allow_unicode=True)
        )
        for each in definitions()
    }


def _definition(
    kind: manifests.Kind,
    short: str,
    scope: str,
    description: str,
    spec: type[pydantic.BaseModel] | None,
    status: type[pydantic.BaseModel],
    columns: tuple[tuple[str, str, str, int], ...],
) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    if spec is not None:
        properties["spec"] = schema(spec)
    # The server must not add to a status what the operator did not write: they are compared.
    properties["status"] = _without_defaults(schema(status))
    whole = {"type": "object", "description": description, "properties": properties}
    if spec is not None:
        whole["required"] = ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{manifests.GROUP}"},
        "spec": {
            "group": manifests.GROUP,
            "scope": scope,
            "names": {
                "kind": str(kind),
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["falcon"],
            },
            "versions": [
                {
                    "name": manifests.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*each) for each in columns],
                    "schema": {"openAPIV3Schema": whole},
                }
            ],
        },
    }


def _column(name: str, type_: str, path: str, priority: int) -> dict[str, Any]:
    # A server stores no 0: who applies what is stored already must not seem to change it (server-side apply).
    shown = {"name": name, "type": type_, "jsonPath": path}
    return shown | ({"priority": priority} if priority else {})


def schema(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The structural schema of a model."""
    raw = model.model_json_schema(by_alias=True)
    return _structural(raw, raw.get("$defs", {}))


def _without_defaults(part: dict[str, Any]) -> dict[str, Any]:
    """A copy of a structural schema; `default` is a schema's key everywhere but among names of properties."""
    result = {key: value for key, value in part.items() if key != "default"}
    for key in ("items", "additionalProperties"):
        if key in result:
            result[key] = _without_defaults(result[key])
    if "properties" in result:
        result["properties"] = {name: _without_defaults(each) for name, each in result["properties"].items()}
    return result


def _structural(raw: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    merged = _resolved(raw, shared)
    result = {key: value for key, value in merged.items() if key in _KEPT}
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    if "const" in merged:
        result["enum"] = [merged["const"]]
    # "" is left out too: some API servers (1.20) read it as null, and then refuse the definition.
    if not isinstance(result.get("default"), str | int | float | bool) or result["default"] == "":
        result.pop("default", None)
    if "anyOf" in merged or "type" not in merged:
        # Text or a list of texts, or the free-form values of exceptions: more than a structural schema can say.
        return {"description": result["description"], **_ANYTHING} if "description" in result else dict(_ANYTHING)
    if "items" in merged:
        result["items"] = _structural(merged["items"], shared)
        result.setdefault("x-kubernetes-list-type", "atomic")
    if "properties" in merged:
        result["properties"] = {key: _structural(each, shared) for key, each in merged["properties"].items()}
    if isinstance(merged.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _structural(merged["additionalProperties"], shared)
    return result


def _resolved(raw: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Without references and without `or null`; what stands beside a reference goes before what it refers to."""
    merged = dict(raw)
    choices = [each for each in merged.get("anyOf", ()) if each.get("type") != "null"]
    if len(choices) == 1:
        merged = {**_resolved(choices[0], shared), **{key: value for key, value in merged.items() if key != "anyOf"}}
    if "$ref" in merged:
        name = merged.pop("$ref").rpartition("/")[2]
        merged = {**_resolved(shared[name], shared), **merged}
    return merged
